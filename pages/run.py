"""Run: everything about one run, which the address names."""

import streamlit as st

from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.lesson import guess_first
from mnist_lab.ui.results import run as run_page
from mnist_lab.ui.results import table
from mnist_lab.ui.session import errors_shown

head.show(navigation.RUN)
run = None
with errors_shown():
    run = url.run()
if run:
    guess_first.about([run.id])
    run_page.show(run, table.every(table.follow()))
else:
    st.info("Open a run from the table of results.", icon=":material/info:")
    st.page_link(navigation.RESULTS.script, label="All results", icon=":material/arrow_back:")
