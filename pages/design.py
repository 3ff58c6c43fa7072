"""Design: shape a network and see what that means before training it."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.design import baseline, blocks, controls, picture, share, summary, train_bar
from mnist_lab.ui.design import draft as drafts
from mnist_lab.ui.design.summary import Meaning
from mnist_lab.ui.lesson import challenges, glance, guess_first, messages
from mnist_lab.ui.text import plain, refusal


def _beside(its: Meaning) -> None:
    """What else can be done with the design, beside Train."""
    guess_first.beside_train(its.experiment)
    challenges.entry(its)


head.show(navigation.DESIGN)
try:
    draft = drafts.load()
except InputError as error:
    refusal(error)
    draft = drafts.load()

# The meaning of a change is drawn first: a browser then shows it before it redraws the controls.
meaning = summary.meaning(draft)
glance.designs(draft["name"], meaning.experiment, meaning.error)
train_bar.show(meaning, _beside, guess_first.started)
with st.container(key="sight"):
    seen = picture.show(meaning)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        summary.figures(meaning)
        with st.container(width="content", key="digits"):
            picture.digits()
with st.container(key="seen", gap=None):
    st.caption(plain(seen))
    summary.say(meaning)
controls.presets(draft)
left, right = st.columns([5, 6], gap="medium")
with right:
    st.header("What it means", anchor=summary.ANCHOR)
    controls.begun(draft)
    summary.show(meaning)
    baseline.show(meaning.experiment)
with left:
    controls.quick(draft)
    with st.container(horizontal=True, gap="small"):
        controls.undo_redo()
        with st.container(width="content", key="tools-share"):
            share.show(draft)
        messages.send_draft(meaning.experiment)
    share.message()
    st.header("Block by block")
    blocks.show(draft)
    controls.training(draft)
url.keep(drafts.query())
