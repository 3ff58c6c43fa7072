"""A study in words: what varies, what is equal, where it stands. For somebody who never heard of factors and levels."""

from collections.abc import Sequence
from html import escape
from math import isfinite

import streamlit as st

from mnist_lab import clock
from mnist_lab.numerals import counted, written
from mnist_lab.results import anytime
from mnist_lab.results.prediction import duration_text
from mnist_lab.store.run import Status
from mnist_lab.studies.findings import comparisons
from mnist_lab.studies.plan import Equal, Plan
from mnist_lab.studies.statistics import ALPHA, student_limit
from mnist_lab.studies.study import Study
from mnist_lab.ui.session import zone

StatusCounts = tuple[tuple[str, int], ...]
_EQUAL = {
    "parameters": "the number of parameters",
    "multiply-adds of training": "the computation of a training (multiply-adds)",
    "predicted seconds": "the predicted training time",
}
_WAITING = (Status.QUEUED, Status.PAUSED, Status.INTERRUPTED)
_WITHOUT = (Status.FAILED, Status.STOPPED, Status.CANCELLED)


def varies(plan: Plan) -> str:
    """What varies, with its levels: `Kernel size: 2×2, 3×3; Dropout: 0, 0.5`."""
    return "; ".join(f"{factor.title}: {', '.join(factor.texts)}" for factor in plan.factors)


def short(plan: Plan) -> str:
    """What varies, and what is held equal where that is not everything."""
    equal = "" if plan.equal.what == "everything" else f", at equal {plan.equal.what}"
    return varies(plan) + equal


def held_equal(equal: Equal, *, is_of_designs: bool) -> str:
    """What is held equal, in a sentence without its full stop.

    Args:
        is_of_designs: whether whole designs are compared, which differ in whatever they do.
    """
    if equal.what == "everything":
        if is_of_designs:
            return "Each design is trained as it is"
        return "Everything else is the same, and what that costs may differ"
    means = "more or fewer filters" if equal.by == "filters" else "a longer or shorter training"
    return f"{_EQUAL[equal.what].capitalize()}, within 2 %, by {means}"


def compared(plan: Plan) -> str:
    """What is compared with what."""
    first, *others = plan.factors
    words = _pairs(first.texts, plan.reference)
    if not others:
        return words
    (second,) = others
    its = _pairs(second.texts, None if plan.reference is None else second.texts[0])
    return f"{first.title}: {words}; {second.title}: {its}; each averaged over the other; and whether the one depends on the other"


def _pairs(levels: Sequence[str], reference: str | None) -> str:
    if reference is None:
        return "each with each" if len(levels) > 2 else f"{levels[1]} with {levels[0]}"
    return f"{', '.join(level for level in levels if level != reference)} with {reference}"


def facts(plan: Plan) -> dict[str, str]:
    """The plan as a short list of facts."""
    base = "" if plan.factors[0].presets else plan.base.name
    cells = len(plan.combinations)
    found = {
        "What varies": varies(plan),
        "In the design": base,
        "What is equal": held_equal(plan.equal, is_of_designs=any(factor.presets for factor in plan.factors)),
        "Seeds": f"{plan.seeds} of each ({plan.first_seed} to {plan.first_seed + plan.seeds - 1}), {counted(cells * plan.seeds, 'run')}",
        "Compared": compared(plan),
        "Judged by": f"{plan.metric}; a difference of {written(round(100 * plan.matters, 8))} percentage points would matter",
    }
    return {name: words for name, words in found.items() if words}


def frozen(digest: str, when: float) -> str:
    """When a plan was frozen, and as what."""
    return f"{clock.text(when, zone())}, SHA-256 {digest}"


def listed(found: dict[str, str]) -> None:
    """Facts as a list, each with its name."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>" for name, words in found.items())
    st.html(f'<dl class="facts">{rows}</dl>')


def counts(study: Study) -> dict[str, int]:
    """How many of its runs are done, training and so on; done means that it has ended with a result."""
    by = study.counts
    return {
        "done": by.get(Status.FINISHED, 0),
        "training": by.get(Status.RUNNING, 0),
        "waiting": sum(by.get(status, 0) for status in _WAITING),
        "failed, diverged or stopped": sum(by.get(status, 0) for status in _WITHOUT),
    }


def status_counts(study: Study) -> StatusCounts:
    """Its counts of runs by status, as a key for what depends on them."""
    return tuple(sorted((str(status), count) for status, count in study.counts.items()))


def ended(study: Study) -> tuple[int, int]:
    """How many runs have ended, and how many there are."""
    found = counts(study)
    every = sum(found.values())
    return every - found["training"] - found["waiting"], every


def state(study: Study) -> tuple[str, str]:
    """An icon, and where it stands in a few words."""
    if study.deleted is not None:
        return ":material/delete:", "deleted"
    if study.is_complete:
        return ":material/check_circle:", "complete"
    if study.is_ending:
        words = "ending"
    elif study.is_held:
        words = "on hold"
    else:
        words = "training" if study.counts.get(Status.RUNNING, 0) else "waiting for its turn"
    icon = ":material/pause_circle:" if study.is_held else ":material/model_training:"
    return icon, words + (", results sealed" if study.is_sealed else ", looked at")


def time_left(seconds: float) -> str:
    """The time left in words."""
    return f"about {duration_text(seconds)} left" if seconds > 0 else "done in a moment"


def wider(plan: Plan, seeds: int) -> str:
    """How much wider the intervals of so many seeds are by the test that may be looked at, in a sentence."""
    alpha = ALPHA / comparisons(plan)
    limit = float(anytime.limit(seeds, alpha))
    if not isfinite(limit):
        return f"With {seeds} seeds of each nothing could be decided any more."
    return (
        f"With {seeds} seeds of each its intervals are about {limit / student_limit(seeds, alpha):.1f} times as wide."
    )


def cost(value: float, reference: float) -> str:
    """A cost, and how it differs from the reference's: `13,338 (+0.4 %)` or `67,914 (× 5.1)`."""
    text = f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    if not reference or value == reference:
        return text
    ratio = value / reference
    if abs(ratio - 1) < 0.1:
        return f"{text} ({100 * (ratio - 1):+.1f} %)".replace("-", "−")
    return f"{text} (× {ratio:.2g})"
