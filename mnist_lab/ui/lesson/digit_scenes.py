"""On the stage: people's own digits, and those that a network gets wrong, read from ten metres."""

from html import escape
from typing import Any

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.reader import Reader
from mnist_lab.store import ready_made
from mnist_lab.ui.inspect.selection import Chosen
from mnist_lab.ui.lesson import digit_pictures
from mnist_lab.ui.lesson.digit_scores import on_mnist, percent, scored
from mnist_lab.ui.session import lab

MOST = 18  # wrong ones on one screen


def sheet(reader: Reader, chosen: dict[str, Any]) -> None:
    """All drawings by their labels."""
    del chosen
    found = lab().digits.all(by=reader.rights.person)
    st.html(
        f'<p class="stage-words">Our own digits: {escape(found.words)}</p>{digit_pictures.rows(found.kept, is_stage=True)}'
    )


def wrong(reader: Reader, chosen: dict[str, Any]) -> None:
    """What a network gets wrong, large.

    Args:
        chosen: `run`, the number of a run, the one with the best validation accuracy where it is missing; `names`, whether
            drawers are named.
    """
    network = _network(reader, chosen.get("run"))
    found = lab().digits.all(by=reader.rights.person)
    answered = scored([network], found) if found.kept else []
    if not answered:
        st.html('<p class="stage-words">Nobody has drawn a digit yet.</p>')
        return
    _, its = answered[0]
    known = on_mnist(network.run)
    beside = f", and {percent(known.share)} of MNIST’s" if known else ""
    more = len(its.mistakes) - MOST
    names = reader.names() if chosen.get("names") is True else {}
    st.html(
        f'<p class="stage-words">{escape(network.title)} reads {percent(its.whole.share)} of our digits '
        f"({its.whole.right} of {its.whole.of}; {percent(its.whole.low)} to {percent(its.whole.high)}){beside}"
        f"{'.' if its.mistakes else ': none wrong.'}{f' {more} more are wrong.' if more > 0 else ''}</p>"
        + digit_pictures.wrong(its.mistakes[:MOST], names, is_stage=True)
    )


def _network(reader: Reader, run_id: Any) -> Chosen:
    """Raises InputError where there is no such run."""
    if isinstance(run_id, int) and not isinstance(run_id, bool):
        return Chosen(ready_made.load().run if run_id == ready_made.ID else reader.run(run_id), None)
    if run_id is not None:
        raise InputError(f"Stage: run should be the number of a run; received {str(run_id)[:40]!r}.")
    return Chosen(reader.runs.best_with_weights() or ready_made.load().run, None)
