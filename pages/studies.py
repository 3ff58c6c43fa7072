"""Studies: questions that are planned before the first run, and their answers."""

import streamlit as st

from mnist_lab.ui import head, navigation, url
from mnist_lab.ui.session import errors_shown
from mnist_lab.ui.studies import ask, builder, listing, place, view
from mnist_lab.ui.studies import draft as drafts
from mnist_lab.ui.studies.published import published_view

head.show(navigation.STUDIES)
named = st.query_params.to_dict()
with errors_shown():
    if "study" in named:
        study_id = url.number("study", named["study"], "study")
        place.keep(place.of(study_id))
        view.show(study_id)
    elif "template" in named or named.get("view") == place.PLAN["view"]:
        if template := named.get("template"):
            drafts.open_once(template)
        place.keep(place.PLAN)
        builder.show()
    else:
        place.keep(place.LIST)  # before anything is drawn on which somebody can press to go on
        if listing.has_some():  # what somebody comes back for stands before what they have read
            listing.show()
            published_view()
        else:
            published_view()
            listing.show()
        ask.show()
if "template" not in named:
    drafts.arrive()
