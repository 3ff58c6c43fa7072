"""A digit that somebody drew, and what networks took it for."""

from typing import Any

import numpy as np
import streamlit as st

from mnist_lab.charts import tiles
from mnist_lab.data.drawing import from_text
from mnist_lab.reader import Reader
from mnist_lab.store import ready_made
from mnist_lab.store.run import Run
from mnist_lab.ui.inspect import figures
from mnist_lab.ui.lesson.staged import parts
from mnist_lab.ui.looks import looks


def show(reader: Reader, data: dict[str, Any]) -> None:
    """The picture, and beside it each network's answer with its probabilities."""
    parts.heading("What do networks see?", "28×28 pixels, and each network's probabilities")
    if not data["image"]:
        st.html('<p class="stage-line">Nothing is drawn yet: the teacher chooses a drawing on the Inspect page.</p>')
        return
    runs = _runs(reader, [answer["run"] for answer in data["answers"]])
    drawn = looks(run.design_key for run in runs.values())
    answers = []
    for answer in data["answers"]:
        run = runs.get(answer["run"])
        if run is None:
            continue
        probabilities = np.asarray(answer["probabilities"])
        digit = int(probabilities.argmax())
        words = f"It says {digit}, {figures.percent(float(probabilities[digit]))} sure"
        title = "ready-made network" if run.id == ready_made.ID else f"{run.name}, seed {run.seed}"
        title += f", epoch {answer['epoch']}" if answer["epoch"] else ""
        look = drawn[run.design_key]
        answers.append(
            f"<div>{figures.headline(title, look, str(digit), words)}{figures.bars(probabilities, '', look)}</div>"
        )
    picture = tiles.url(tiles.digit(from_text(data["image"]), 1))
    st.html(
        f'<div class="stage-drawing"><img src="{picture}" alt="The drawing, 28×28 pixels">'
        f'<div class="stage-answers n{len(answers)}">{"".join(answers)}</div></div>'
    )


def _runs(reader: Reader, wanted: list[int]) -> dict[int, Run]:
    """The networks' runs that may be seen, the ready-made one among them."""
    found = reader.some(run_id for run_id in wanted if run_id != ready_made.ID)
    return found | ({ready_made.ID: ready_made.load().run} if ready_made.ID in wanted else {})
