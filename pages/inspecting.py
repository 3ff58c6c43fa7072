"""Inspect: look into a trained network."""

import streamlit as st

from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.inspect import draw, layers, mistakes, selection, what_if
from mnist_lab.ui.results import exports
from mnist_lab.ui.session import errors_shown

VIEWS = {"Draw": draw.show, "Mistakes": mistakes.show, "Layers": layers.show, "What if": what_if.show}

head.show(navigation.INSPECT)
with errors_shown():
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-choice"):
        first = st.container(width="content")
        networks = selection.networks()
        if networks:
            with first:
                view = selection.view(list(VIEWS))
            if not networks[0].is_ready_made:
                with st.container(width="content", key="tools-export"):
                    exports.export_popover(networks[0].run)
    if networks:
        query = selection.query(networks, view)
        st.set_page_config(page_title=navigation.tab("Inspect", query["runs"]))
        url.keep(query)
        VIEWS[view](networks)
        if networks[0].is_ready_made:
            st.caption("The ready-made network ships with the lab. It is no run of yours, and in no table.")
            st.page_link(navigation.DESIGN.script, label="Design and train your own", icon=":material/architecture:")
    elif not selection.are_chosen():
        st.info("No network has been trained yet, or none of the weights are kept.", icon=":material/info:")
        st.page_link(navigation.DESIGN.script, label="Design a network", icon=":material/architecture:")
