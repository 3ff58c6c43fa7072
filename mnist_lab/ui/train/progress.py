"""A run as it is now, read once for all who look at it."""

import time
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from mnist_lab.store.run import Run, Status
from mnist_lab.ui.session import lab, pace

_SHARE = 0.9  # of the pace, for which what was read is shared: one viewer alone always sees the newest


@dataclass(frozen=True)
class Progress:
    """A run as it is now: its row, the log's lines so far and the points of its training curve."""

    run: Run
    epochs: pd.DataFrame
    batches: pd.DataFrame


def progress(run: Run) -> Progress:
    """A run with its log and curve."""
    now = int(time.monotonic() / (_SHARE * pace()))
    return Progress(run, *_recorded(lab().store.url, run.id, run.status, run.epochs_done, now))


@st.cache_resource(ttl=60, max_entries=32, show_spinner=False)
def _recorded(url: str, run_id: int, status: Status, epochs_done: int, now: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Log and curve, read once for all who look at a run at about the same time."""
    del url, status, epochs_done, now  # an epoch's end and the run's own are seen at once
    return lab().store.runs.epochs([run_id]), lab().store.runs.batches(run_id)


def percent(share: float | None) -> str:
    """A share as a page shows it; a dash for what is not measured."""
    return "–" if share is None else f"{100 * share:.2f} %"
