"""The script that Streamlit runs for every page: menu, error boundary, the page, the footer of the sidebar."""

import streamlit as st

from mnist_lab import settings
from mnist_lab.ui import navigation, presentation, stranger, style, url
from mnist_lab.ui.lesson import lesson
from mnist_lab.ui.session import (
    LOCKED,
    drawn_together,
    errors_shown,
    footer,
    is_teacher,
    may_keep_names,
    only_looks,
    opened,
    preload,
    why_stranger,
)


def _registered(page: navigation.Page, *, is_teacher: bool) -> st.Page:
    is_listed = page.icon and (is_teacher or not page.is_teachers)
    return st.Page(
        page.script,
        title=page.title,
        icon=page.icon,
        url_path=page.path or None,
        default=not page.path,
        visibility="visible" if is_listed else "hidden",
    )


with drawn_together():
    # Before the menu: else a browser fetches the page's icon there from the web for its tab.
    st.set_page_config(page_icon=navigation.ICON, layout="wide", initial_sidebar_state=190)
    why = why_stranger()
    pages = [_registered(page, is_teacher=is_teacher()) for page in navigation.PAGES]
    page = st.navigation(pages, position="hidden" if why or only_looks() else "sidebar")
    is_stage = page.url_path == navigation.STAGE.path
    if only_looks() and not is_stage:
        st.switch_page(str(navigation.STAGE.script))
    st.set_page_config(page_title=navigation.tab(page.title))
    url.begin(page.url_path)
    presentation.load()
    style.show(presenting=presentation.is_on(), nameless=not may_keep_names())
    if why:
        stranger.show(why)
        st.stop()
    with errors_shown():
        settings.check()
        is_opened = opened(page.url_path)
        if not is_stage:
            lesson.show()
        if is_opened:
            page.run()
        else:
            st.title(page.title, anchor=False)
            st.info(LOCKED, icon=":material/lock:")
    url.end()
    if not is_stage:
        with st.sidebar:
            footer(lesson.follow)
preload()
