"""Results: every run ever made. Addresses that name a run or several to compare lead on to their own pages."""

import streamlit as st

from mnist_lab.ui import costs, menu, notebook, table

for name, page, its_name in (("run", menu.RUN, "run"), ("compare", menu.COMPARE, "runs")):
    if name in st.query_params:
        st.switch_page(page, query_params={its_name: st.query_params[name]})
st.title("Results")
st.write("Every run ever made on this machine, newest first: what each network is, how well it does, what it cost.")
now = table.follow()
table.show(now)
if len(table.every(now)):
    st.subheader("What accuracy costs", anchor=False)
    costs.show(table.designs(now))
notebook.show(table.every(now))
