"""The outcome of a question, from its runs: those of designs, or those of a round."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from mnist_lab.design.experiment import Protocol
from mnist_lab.errors import DIVERGED
from mnist_lab.lesson.guess import Kind, Outcome, Question, Subject
from mnist_lab.numerals import counted
from mnist_lab.results import comparison
from mnist_lab.results.comparison import Side
from mnist_lab.store.run import Run, Status

_COLUMNS = {"validation accuracy": "validation_accuracy", "test accuracy": "test_accuracy"}
_MOST_NAMED = 4
_WHY = {
    Status.STOPPED: "was stopped early",
    Status.CANCELLED: "was cancelled",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "was interrupted",
}


def of(question: Question, runs: Mapping[int, Run]) -> Outcome:
    """The outcome over the runs that have finished.

    Args:
        runs: those that the question is about, by their ids; ones that have been removed for good are not there.
    """
    field = "seconds" if question.kind is Kind.SECONDS else _COLUMNS[question.metric]
    measured = [[float(getattr(run, field)) for run in _finished(subject, runs)] for subject in question.subjects]
    values = tuple(float(np.mean(its)) if its else None for its in measured)
    best, verdict = _verdict(question, runs, field) if question.kind is Kind.BETTER else (None, "")
    every = [value for its in measured for value in its]
    is_number = question.kind is not Kind.BETTER and len(every) > 0
    return Outcome(
        values=values,
        counts=tuple(map(len, measured)),
        low=min(every) if is_number else None,
        high=max(every) if is_number else None,
        best=best,
        verdict=verdict,
        missing=_missing(question, runs),
    )


def of_round(question: Question, runs: Iterable[Run], begun: float) -> Outcome:
    """The outcome of a question about a round.

    Of the notebook's protocol none counts as the best: what it validates on are other images.

    Args:
        runs: those that the class queued in it.
        begun: when the round began, in seconds since 1970.
    """
    of_each: dict[str | None, Run] = {}
    counted_runs = sorted(runs, key=lambda run: run.id)
    if question.kind is Kind.SECONDS:
        for run in counted_runs:
            of_each.setdefault(run.owner, run)
        counted_runs = list(of_each.values())
        measured = [run.ended - begun for run in counted_runs if _why_not(run) is None and run.ended is not None]
    else:
        measured = [float(run.validation_accuracy or 0) for run in counted_runs if _why_not_best(run) is None]
    why_not = _why_not if question.kind is Kind.SECONDS else _why_not_best
    missing = _in_words([(run.id, why) for run in counted_runs if (why := why_not(run))])
    if not counted_runs:
        missing = "Nobody has trained anything in the round."
    return Outcome(values=(max(measured, default=None),), counts=(len(measured),), missing=missing)


def _finished(subject: Subject, runs: Mapping[int, Run]) -> list[Run]:
    """One run a seed, the newest: the same seed twice is no further evidence."""
    found = [run for run_id in subject.runs if (run := runs.get(run_id)) and _why_not(run) is None]
    return list({run.seed: run for run in sorted(found, key=lambda run: run.id)}.values())


def _verdict(question: Question, runs: Mapping[int, Run], field: str) -> tuple[int | None, str]:
    """The place of the option that is right, if that is shown; and the lab's verdict."""
    sides = [_side(place, subject, runs, field) for place, subject in enumerate(question.subjects)]
    if without := [side.title for side in sides if not len(side.rows)]:
        return None, f"No verdict: no run of {' and none of '.join(without)} has finished."
    found = comparison.verdicts(sides, field, question.metric)
    words = comparison.overall(found, field, question.metric)
    for place, side in enumerate(sides):
        wins = [
            its.kind == ("better" if a.letter == side.letter else "worse")
            for a, b, its in found
            if side.letter in (a.letter, b.letter)
        ]
        if all(wins):
            return place, words
    if all(its.kind == "equal" for _, _, its in found):
        return len(sides), words
    return None, words


def _side(place: int, subject: Subject, runs: Mapping[int, Run], field: str) -> Side:
    its = _finished(subject, runs)
    rows = pd.DataFrame(
        {
            "ids": [(run.id,) for run in its],
            "seeds": [(run.seed,) for run in its],
            "status": [run.status for run in its],
            "design_key": [run.design_key for run in its],
            field: [getattr(run, field) for run in its],
        }
    )
    every = [run for run_id in subject.runs if (run := runs.get(run_id))]
    diverged = {run.seed for run in every if _has_diverged(run)} - {run.seed for run in its}
    letter = chr(ord("A") + place)
    return Side(letter, subject.name, rows, is_design=True, left_out={}, diverged=frozenset(diverged))


def _has_diverged(run: Run) -> bool:
    return run.status is Status.FAILED and (run.error or "").startswith(DIVERGED)


def _why_not(run: Run) -> str | None:
    """Why a run is not counted; None where it is."""
    if run.deleted is not None:
        return "is deleted"
    if run.status is Status.FINISHED:
        return None
    return "diverged" if _has_diverged(run) else _WHY.get(run.status, "has not finished")


def _why_not_best(run: Run) -> str | None:
    if run.experiment.protocol is not Protocol.HOLDOUT:
        return f"was trained under the protocol {run.experiment.protocol.value}"
    return _why_not(run)


def _missing(question: Question, runs: Mapping[int, Run]) -> str:
    found = []
    for run_id in question.run_ids:
        run = runs.get(run_id)
        why = "has been removed for good" if run is None else _why_not(run)
        if why:
            found.append((run_id, why))
    return _in_words(found)


def _in_words(left_out: list[tuple[int, str]]) -> str:
    """What is not counted and why, in a sentence; empty where nothing is left out."""
    if not left_out:
        return ""
    found = [f"run {run_id} {why}" for run_id, why in left_out]
    more = f"; and {counted(len(found) - _MOST_NAMED, 'more run')}" if len(found) > _MOST_NAMED else ""
    return f"Not counted: {'; '.join(found[:_MOST_NAMED])}{more}."
