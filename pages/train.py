"""Train: watch a network learn."""

import streamlit as st

from mnist_lab.ui import head, navigation, watching
from mnist_lab.ui.lesson import guess_first
from mnist_lab.ui.session import errors_shown
from mnist_lab.ui.train import live

head.show(navigation.TRAIN)
watched = None
with errors_shown():
    watched = watching.load()
if watched:
    if watched.run_id:
        st.set_page_config(page_title=navigation.tab("Train", str(watched.run_id)))
    if watched.run_id:
        guess_first.about([watched.run_id, *watched.together])
    live.show(watched)
    if watched.run_id or watched.follows:
        watching.keep_address()
else:
    watching.follow_link()
