"""Pages without a browser."""

from streamlit.testing.v1 import AppTest


def page(name: str, *, part: str = "", **query: str) -> AppTest:
    script = f"""
import streamlit as st
from mnist_lab.ui import navigation
st.navigation([st.Page(page.script, default=page.title.lower() == "{name}") for page in navigation.PAGES]).run()
"""
    test = AppTest.from_string(script, default_timeout=30)
    for opened in ("recipe", "keep", "label"):
        test.session_state[opened] = True
    if part:
        test.session_state["class-part"] = part  # of the Class page
    for key, value in query.items():
        test.query_params[key] = value
    return test.run()


def metric(test: AppTest, label: str) -> str:
    return next(m.value for m in test.metric if m.label == label)


def number(test: AppTest, label: str):
    """A field for a number: of a fraction it holds what is typed, as text."""
    return next(field for field in [*test.number_input, *test.text_input] if field.label == label)


def healthy(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def button(test: AppTest, label: str):
    return next(b for b in test.button if b.label == label)


def press(test: AppTest, label: str) -> AppTest:
    button(test, label).click().run()
    return healthy(test)
