"""Results: every run ever made, one run, or several compared; the address says which."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import comparing, costs, notebook, run_page, table

st.title("Results")
run = compared = None
try:
    run, compared = run_page.in_address(), comparing.in_address()
except InputError as error:
    st.error(str(error), icon=":material/error:")
if run:
    st.write("Everything known about one run, and what can be done with it.")
    table.follow()
    run_page.show(run, table.every())
elif compared:
    st.write("Designs side by side: what differs in them, whether that helps, and how sure that is.")
    table.follow()
    comparing.show(compared, table.every())
else:
    st.write("Every run ever made on this machine, newest first: what each network is, how well it does, what it cost.")
    table.show()
    if len(table.every()):
        st.subheader("What accuracy costs", anchor=False)
        costs.show(table.designs())
    notebook.show(table.every())
