"""Results: every run ever made."""

import streamlit as st

from mnist_lab.ui import table

st.title("Results")
st.write("Every run ever made on this machine, newest first: what each network is, how well it does, what it cost.")
table.show()
table.beside_notebook()
