"""Train: watch a network learn."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import live

st.title("Train")
st.write("Watch a network learn: how wrong it is (loss) and how often it is right (accuracy), as training goes on.")
try:
    run_id = live.chosen_run()
except InputError as error:
    st.error(str(error), icon=":material/error:")
    run_id = None
live.show(run_id)
