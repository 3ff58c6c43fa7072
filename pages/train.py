"""Train: watch a network learn."""

import streamlit as st

from mnist_lab.ui import navigation, watching
from mnist_lab.ui.session import errors_shown
from mnist_lab.ui.train import live

st.title("Train")
st.write(
    "Watch a network learn: its loss (how wrong it is) and its accuracy (how often it is right) as training proceeds."
)
watched = None
with errors_shown():
    watched = watching.load()
if watched:
    if watched.run_id:
        st.set_page_config(page_title=navigation.tab("Train", str(watched.run_id)))
    live.show(watched)
    if watched.run_id or watched.follows:
        watching.keep_address()
else:
    watching.follow_link()
