"""What somebody sees who is not in the class: how to get in, and nothing else."""

import streamlit as st

from mnist_lab.ui import navigation, shell
from mnist_lab.ui.text import plain


def show(why: str) -> None:
    """Why they see nothing, and a link to the page where one joins."""
    st.title(navigation.NAME, anchor=False)
    st.info(plain(why), icon=":material/groups:")
    # Not a link of Streamlit's, which opens another tab: this one has no cookie, and is done with.
    st.markdown(f'<a href="{shell.base() + "/join"}" target="_self">Join the class</a>', unsafe_allow_html=True)
