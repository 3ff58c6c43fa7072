"""The script that Streamlit runs for every page: menu, error boundary, the page, the foot of the sidebar."""

import streamlit as st

from mnist_lab import settings
from mnist_lab.ui import grid, navigation
from mnist_lab.ui.session import errors_shown, foot, load_the_rest

# Before the menu: else a browser fetches the page's icon there from the web for its tab.
st.set_page_config(page_icon=navigation.ICON, layout="wide", initial_sidebar_state=190)
page = st.navigation(
    [
        st.Page(navigation.DESIGN, title="Design", icon=":material/architecture:", default=True),
        st.Page(navigation.TRAIN, title="Train", icon=":material/monitoring:", url_path="train"),
        st.Page(navigation.RESULTS, title="Results", icon=":material/table_chart:", url_path="results"),
        st.Page(navigation.INSPECT, title="Inspect", icon=":material/search_insights:", url_path="inspect"),
        st.Page(navigation.RUN, title="Run", url_path="run", visibility="hidden"),
        st.Page(navigation.COMPARE, title="Compare", url_path="compare", visibility="hidden"),
    ]
)
st.set_page_config(page_title=navigation.tab(page.title))
grid.style()
with errors_shown():
    settings.check()
    page.run()
with st.sidebar:
    foot()
load_the_rest()
