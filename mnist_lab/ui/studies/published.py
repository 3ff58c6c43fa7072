"""The answer that the lab comes with, before anyone has trained anything: does kernel size matter?"""

import streamlit as st

from mnist_lab.studies import published
from mnist_lab.ui.studies import answer


def published_view() -> None:
    """The shipped study: its sentence, and a chart for each thing that was held equal; nothing where none is shipped."""
    found = published.all()
    if not found:
        return
    st.header(found[0][1].plan.question, anchor=False)
    for number, (equal, findings) in enumerate(found):
        its = findings.answer()
        st.subheader(equal, anchor=False)
        answer.verdict(its, key=f"published-{number}", is_heard=False)
        answer.chart(findings, its)
        answer.confounded(findings)
        answer.test(its)
