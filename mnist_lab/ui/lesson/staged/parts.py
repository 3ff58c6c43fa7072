"""What scenes have in common: how they are written and drawn, and how the teacher's choices are kept."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from mnist_lab.lesson.stage import AccuracyFrom
from mnist_lab.ui.session import act, lab

SCALE = 2.0  # of charts: their smallest words have 28 pixels of the stage's 1,080
WIDTH, CHART_HEIGHT = 1856, 740  # of the stage's inside, and of a chart that has words below it, in pixels
SECONDS = 5.0  # for which what is read of all runs is kept for all who look
ACCURACIES: tuple[AccuracyFrom, ...] = (0, 80, 90, 95, 98)


def heading(words: str, beside: str = "") -> None:
    """What stands on the stage, as HTML, and at the line's end how it goes on."""
    st.html(f'<div class="stage-head"><h1>{words}</h1><p>{beside}</p></div>')


def keep(scene: str, data: dict[str, Any], field: str) -> Callable[[Any], None]:
    """What keeps a choice for a scene, and puts the scene on the stage with it."""
    return lambda new: act(lab().stage.show, scene, data | {field: new})
