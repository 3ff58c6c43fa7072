"""Where on the Studies page somebody is, which its address says: at all studies, planning one, or at one of them."""

import streamlit as st

from mnist_lab.ui import navigation, url

Query = dict[str, str]
LIST: Query = {"view": "all"}
PLAN: Query = {"view": "plan"}


def of(study_id: int) -> Query:
    """The address of a study."""
    return {"study": str(study_id)}


def link(query: Query, label: str, icon: str | None = None) -> None:
    """A link to a place on the page."""
    st.page_link(navigation.STUDIES.script, label=label, icon=icon, query_params=query)


def back() -> None:
    """A link back to all studies."""
    with st.container(key="tools-study-back"):
        link(LIST, "All studies", ":material/arrow_back:")


def go(query: Query) -> None:
    """Go there."""
    st.switch_page(navigation.STUDIES.script, query_params=query)


def keep(query: Query) -> None:
    """Make this the page's address. The browser is told also where it is the same as before: a link within the page leaves
    its address as it was."""
    named = st.query_params.to_dict()
    url.keep(query)
    if named and not url.is_from_history():
        st.query_params.from_dict(st.query_params.to_dict())
