"""Inspect, What if: digits moved, blurred or noisy; networks without some of their filters."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.charts import inspection, tiles
from mnist_lab.data.perturbation import KINDS, perturbed
from mnist_lab.design.network import Kind, Part, parts, trace
from mnist_lab.inspection.questions import Ablation, EachAblated, Robustness
from mnist_lab.ui import ask, figure
from mnist_lab.ui.inspect import figures, selection
from mnist_lab.ui.inspect.selection import Chosen, Subject
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import errors_shown, fragment
from mnist_lab.ui.text import plain

_IMAGES = {"2,000 test images (quick)": 2000, "all 10,000 test images": 10_000}


@errors_shown()
def show(networks: list[Chosen]) -> None:
    """What happens to answers when digits or networks are changed."""
    _one_digit(networks)
    _curve(networks)
    _switched_off(networks[0])


@fragment
def _one_digit(networks: list[Chosen]) -> None:
    st.header("One digit, changed", anchor=False)
    subject = selection.subject()
    selection.must_have_ink(subject)
    picture, answers, sliders = st.columns([3, 4, 4], gap="medium")
    with sliders:
        strengths = _strengths()
    image = perturbed(subject.image[np.newaxis], strengths)[0]
    with picture.container(key="changed-digit"):
        changes = [_change(name, x) for name, x in strengths.items() if x != KINDS[name].neutral]
        st.image(
            tiles.url(tiles.framed(tiles.digit(image, 14))),
            width="stretch",
            alt=f"{subject.name}, changed: {', '.join(changes) or 'not at all'}",
        )
        st.caption(", ".join(changes) or "Move a slider.")
    with answers.container(key="changed-answers"):
        changed = Subject(image, subject.name, subject.label)
        selection.side_by_side(networks, changed, partial(_words, label=changed.label))


def _strengths() -> dict[str, float]:
    """How strong each change is, by a slider of its own."""
    found: dict[str, float] = {}
    columns = st.columns(2)
    for number, (name, kind) in enumerate(KINDS.items()):
        found[name] = columns[number % 2].slider(
            f"{kind.title} ({kind.unit.split(';')[0]})",
            float(kind.low),
            float(kind.high),
            float(kind.neutral),
            step=float(kind.step),
            key=_key(name),
            persist_state="session",
            help=f"In {kind.unit}.",
        )
    st.button("Reset", icon=":material/restart_alt:", on_click=_reset)
    return found


def _change(name: str, strength: float) -> str:
    """A change with its strength, and the sign of a unit that has one."""
    unit = "°" if KINDS[name].unit.startswith("degrees") else ""
    return f"{KINDS[name].title.lower()} {figures.minus(f'{strength:g}')}{unit}"


def _key(change: str) -> str:
    return f"change-{change}"


def _reset() -> None:
    for name, kind in KINDS.items():
        st.session_state[_key(name)] = float(kind.neutral)


def _words(probabilities: np.ndarray, label: int | None) -> tuple[str, str]:
    """What a network says of a changed digit, as a digit and as a sentence."""
    said = int(probabilities.argmax())
    verdict = "" if label is None else " ✓ right" if said == label else f" ✗ it is a {label}"
    return str(said), f"It says {said}, {figures.percent(float(probabilities.max()))} sure{verdict}"


@fragment
def _curve(networks: list[Chosen]) -> None:
    st.header("All test images, changed more and more", anchor=False)
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.selectbox(
        "Change", list(KINDS), format_func=lambda name: KINDS[name].title, key="curve-kind", persist_state="session"
    )
    count = right.selectbox("Measured on", list(_IMAGES), key="curve-images", persist_state="session")
    if name is None or count is None:
        return
    kind = KINDS[name]
    found = ask.on_request(
        "Draw the curve",
        {
            f"asking {network.title}": Robustness(
                run_id=network.run.id,
                epoch=network.epoch,
                change=name,
                strengths=kind.strengths,
                images=_IMAGES[count],
            )
            for network in networks
        },
    )
    if found is None:
        return
    points = pd.concat(
        pd.DataFrame({"network": network.title, "strength": kind.strengths, "accuracy": answer["accuracy"]})
        for network, answer in zip(networks, found, strict=True)
    )
    drawn = looks(network.run.design_key for network in networks)
    named = {network.title: drawn[network.run.design_key] for network in networks}
    figure.altair(
        inspection.curves(points, f"{kind.title} ({kind.unit})", kind.neutral, named),
        alt=f"Test accuracy against {kind.title.lower()} in {kind.unit}, a line for each network",
    )
    st.caption(
        "At the dashed line nothing is changed. Networks have learnt from such digits, unless their recipe augments them: "
        "the faster a line falls, the more its network relies on them."
    )


@fragment
def _switched_off(network: Chosen) -> None:
    st.header("Filters switched off", anchor=False)
    st.caption(
        f"In {plain(network.title)}: a filter that is switched off gives zero whatever the digit; the rest works as before."
    )
    given = parts(trace(network.run.experiment.architecture))
    left, right = st.columns(2, vertical_alignment="bottom")
    part = left.selectbox(
        "Part",
        list(given),
        format_func=lambda name: f"{name}: {given[name].channels} {_what(given[name])}",
        key="off-part",
    )
    count = right.selectbox("Measured on", list(_IMAGES), key="off-images", persist_state="session")
    if part is None or count is None:
        return
    channels = given[part].channels
    is_whole = st.toggle("The whole part", key=f"off-whole-{part}")
    picked = (
        list(range(channels))
        if is_whole
        else st.multiselect(
            f"Which of its {_what(given[part])}",
            range(channels),
            key=f"off-{network.run.id}-{part}",
            placeholder="numbers",
        )
    )
    images = _IMAGES[count]
    if picked:
        off = Ablation(run_id=network.run.id, epoch=network.epoch, off={part: sorted(picked)}, images=images)
        if found := ask.on_request("Measure without them", {"asking with and without": off}):
            _compared(found[0], given[part], picked)
    each = EachAblated(run_id=network.run.id, epoch=network.epoch, part=part, images=images)
    words = f"switching the {channels} {_what(given[part])} off one by one"
    if found := ask.on_request("Ablate each", {words: each}):
        _each(found[0], part)


def _what(part: Part) -> str:
    return "units" if part.place.kind is Kind.DENSE else "filters"


def _compared(found: dict[str, np.ndarray], part: Part, picked: list[int]) -> None:
    whole, without = found["right"].mean(axis=1)
    count = f"all {part.channels}" if len(picked) == part.channels else f"{len(picked)} of {part.channels}"
    st.markdown(
        f"Test accuracy **{whole:.2%}**; without {count} {_what(part)} of {part.place} **{without:.2%}** ({_points(without - whole)} points)."
    )
    by_digit = [
        (
            digit,
            100
            * float(
                found["right"][1][found["labels"] == digit].mean() - found["right"][0][found["labels"] == digit].mean()
            ),
        )
        for digit in range(10)
    ]
    digit, most = min(by_digit, key=lambda pair: pair[1])
    if most < 0:
        st.caption(f"Most of it is lost on the {digit}: {figures.minus(f'{most:+.1f}')} points.")


def _points(share: float) -> str:
    return figures.minus(f"{100 * share:+.2f}")


def _each(found: dict[str, np.ndarray], part: str) -> None:
    accuracy, whole = found["accuracy"], float(found["whole"])
    points = pd.DataFrame({"channel": range(len(accuracy)), "accuracy": accuracy})
    figure.altair(
        inspection.ablations(points, whole),
        alt=f"Test accuracy with each channel of {part} off alone; with none off {whole:.2%}",
    )
    worst = int(accuracy.argmin())
    harmless = int((accuracy >= whole).sum())
    st.caption(
        f"Dashed: none switched off, {whole:.2%}. Most is lost without number {worst}: {_points(accuracy[worst] - whole)} points. "
        f"Each of {harmless} can be switched off alone without loss: others do its work, or it does none."
    )
