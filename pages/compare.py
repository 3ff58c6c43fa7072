"""Compare: several runs or designs side by side, which the address names."""

import streamlit as st

from mnist_lab.results.comparison import MAX_SIDES
from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.lesson import guess_first
from mnist_lab.ui.results import compare, table
from mnist_lab.ui.session import errors_shown

head.show(navigation.COMPARE)
runs = []
with errors_shown():
    runs = url.runs("runs", 2, MAX_SIDES)
if runs:
    now = table.follow()
    guess_first.over(runs)
    compare.show(runs, table.every(now))
else:
    st.info("Choose two or more rows in the table of results, and press Compare.", icon=":material/info:")
    st.page_link(navigation.RESULTS.script, label="All results", icon=":material/arrow_back:")
