"""The script that Streamlit runs for every page: menu, error boundary, the page, the footer of the sidebar."""

import streamlit as st

from mnist_lab import settings
from mnist_lab.ui import navigation, presentation, style, url
from mnist_lab.ui.session import errors_shown, footer, preload


def _registered(page: navigation.Page) -> st.Page:
    return st.Page(
        page.script,
        title=page.title,
        icon=page.icon,
        url_path=page.path or None,
        default=not page.path,
        visibility="visible" if page.icon else "hidden",
    )


# Before the menu: else a browser fetches the page's icon there from the web for its tab.
st.set_page_config(page_icon=navigation.ICON, layout="wide", initial_sidebar_state=190)
page = st.navigation([_registered(page) for page in navigation.PAGES])
st.set_page_config(page_title=navigation.tab(page.title))
url.begin(page.url_path)
presentation.load()
style.show(presenting=presentation.is_on())
with errors_shown():
    settings.check()
    page.run()
url.end()
with st.sidebar:
    footer()
preload()
