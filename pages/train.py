"""Train: watch a network learn."""

import streamlit as st

from mnist_lab.ui import address, live
from mnist_lab.ui.session import errors_shown

st.title("Train")
st.write("Watch a network learn: how wrong it is (loss) and how often it is right (accuracy), as training goes on.")
run = None
with errors_shown():
    run = address.run()
if run:
    st.button("Follow what trains now", icon=":material/sync:", type="tertiary", on_click=st.query_params.clear)
live.show(run.id if run else None)
