"""Results: every run ever made. An address that names a run, or several to compare, leads on to the page for that."""

import streamlit as st

from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.results import notebook, pareto, table
from mnist_lab.ui.session import act, lab, seen

for name, page, its_name in (("run", navigation.RUN.script, "run"), ("compare", navigation.COMPARE.script, "runs")):
    if name in st.query_params:
        if url.is_from_history():
            st.query_params.clear()  # else going back would lead here and on again
        else:
            st.switch_page(page, query_params={its_name: st.query_params[name]})
head.show(navigation.RESULTS)
now = table.follow()
for notice, text in lab().store.notices.all().items():
    st.info(text, icon=":material/info:")
    st.button(
        "Dismiss",
        key=f"notice-{notice}",
        icon=":material/check:",
        on_click=act,
        args=(lab().dismiss, notice),
    )
table.show(now)
if len(table.every(now)):
    st.header("What accuracy costs", anchor=False)
    pareto.show(table.designs(now))
notebook.show(table.every(now))
if seen().rights.room:
    st.page_link(navigation.HANDOUT.script, label="What you made, on a page to print", icon=":material/print:")
