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
        view.show(study_id)
        place.keep(place.of(study_id))
    elif "template" in named or named.get("view") == place.PLAN["view"]:
        if template := named.get("template"):
            drafts.open_once(template)
        builder.show()
        place.keep(place.PLAN)
    else:
        published_view()
        listing.show()
        ask.show()
        place.keep(place.LIST)
if "template" not in named:
    drafts.arrive()
