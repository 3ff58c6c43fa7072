"""Train: watch a network learn."""

import streamlit as st

from mnist_lab.ui import live, watching
from mnist_lab.ui.session import errors_shown

st.title("Train")
st.write("Watch a network learn: how wrong it is (loss) and how often it is right (accuracy), as training goes on.")
watched = None
with errors_shown():
    watched = watching.load()
if watched:
    live.show(watched)
else:
    watching.follow_link()
