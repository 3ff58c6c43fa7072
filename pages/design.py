"""Design: shape a network and see what that means before training it."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.design import baseline, blocks, controls, share, summary
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.text import refusal

head.show(navigation.DESIGN)
try:
    draft = drafts.load()
except InputError as error:
    refusal(error)
    draft = drafts.load()

# The meaning of a change is drawn first: a browser then shows it before it redraws the controls.
top = st.container()
left, right = st.columns([3, 5], gap="medium")
with right:
    st.subheader("What it means")
    meant = summary.show(draft)
    baseline.show(meant[0] if meant else None)
with top:
    controls.presets(draft)
    with st.container(horizontal=True, gap="small"):
        controls.undo_redo()
        share.show(draft)
    share.message()
with left:
    st.subheader("All blocks")
    controls.quick(draft)
    st.subheader("Block by block")
    blocks.show(draft)
    st.subheader("Training")
    controls.training(draft)
with st.bottom:
    summary.train_bar(meant)
url.keep(drafts.query())
