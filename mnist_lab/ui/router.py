"""The script that Streamlit runs for every page: menu, error boundary, the page, the foot of the sidebar."""

import streamlit as st

from mnist_lab import settings
from mnist_lab.ui import grid, menu
from mnist_lab.ui.session import errors_shown, foot, load_the_rest

# Before the menu: else a browser fetches the page's icon there from the web for its tab.
st.set_page_config(page_icon=menu.ICON, layout="wide", initial_sidebar_state=190)
page = st.navigation(
    [
        st.Page(menu.DESIGN, title="Design", icon=":material/architecture:", default=True),
        st.Page(menu.TRAIN, title="Train", icon=":material/monitoring:", url_path="train"),
        st.Page(menu.RESULTS, title="Results", icon=":material/table_chart:", url_path="results"),
        st.Page(menu.INSPECT, title="Inspect", icon=":material/search_insights:", url_path="inspect"),
        st.Page(menu.RUN, title="Run", url_path="run", visibility="hidden"),
        st.Page(menu.COMPARE, title="Compare", url_path="compare", visibility="hidden"),
    ]
)
st.set_page_config(page_title=menu.tab(page.title))
grid.style()
with errors_shown():
    settings.check()
    page.run()
with st.sidebar:
    foot()
load_the_rest()
