"""After the lesson: a page to print for each person, with what they made."""

from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import quote

import streamlit as st

from mnist_lab import clock
from mnist_lab.charts import handout as charts
from mnist_lab.charts.style import Look
from mnist_lab.lesson.handout import Handout
from mnist_lab.numerals import counted
from mnist_lab.results.own_digits import named
from mnist_lab.results.prediction import duration_text
from mnist_lab.ui.inspect import figures
from mnist_lab.ui.lesson import digit_pictures
from mnist_lab.ui.looks import looks
from mnist_lab.ui.session import errors_shown, lab, looker, person, zone
from mnist_lab.ui.studies import printing

_WHO = "handout_of"
_EVERYBODY = "everybody"


@errors_shown()
def show() -> None:
    """One's own page; for the teacher those of the pupils, one after the other."""
    rights = looker().rights
    found = lab().handouts.all(by=person()) if rights.room and rights.are_all else [lab().handouts.mine(by=person())]
    with st.container(horizontal=True, vertical_alignment="bottom", key="tools-handout"):
        if rights.room and rights.are_all and found:
            named = {its.key: its.name for its in found}
            chosen = st.selectbox("Whose", [_EVERYBODY, *named], format_func=lambda key: named.get(key, key), key=_WHO)
            found = [its for its in found if chosen in (_EVERYBODY, its.key)]
        printing.button()
    if not found:
        st.info("Nobody is in the class yet.", icon=":material/info:")
        return
    drawn = looks(design.key for its in found for design in its.designs)
    with st.container(key="handouts"):
        for its in found:
            st.html(_page(its, drawn))


def _page(its: Handout, drawn: Mapping[str, Look]) -> str:
    when = f"The class of {clock.text(its.opened, zone())}" if its.opened else "MNIST Lab"
    parts = "".join(section(its, drawn) for section in SECTIONS)
    return f'<section class="handout"><h2>{escape(its.name)}</h2><p>{escape(when)}</p>{parts}</section>'


def _designs(its: Handout, drawn: Mapping[str, Look]) -> str:
    unfinished = f"<p>{counted(its.unfinished, 'run')} did not finish.</p>" if its.unfinished else ""
    if not its.designs:
        return f"<h3>Designs</h3><p>No run has finished.</p>{unfinished}"
    rows = "".join(
        f'<tr><th scope="row">{figures.name(design.name, drawn[design.key])}</th><td>{design.parameters:,}</td>'
        f"<td>{design.runs}</td><td>{_percent(design.validation)}</td><td>{_percent(design.test)}</td>"
        f"<td>{escape(duration_text(design.seconds))}</td></tr>"
        for design in its.designs
    )
    more = f"<p>And {counted(its.left_out, 'more design')}.</p>" if its.left_out else ""
    heads = ("Design", "Parameters", "Runs", "Validation accuracy", "Test accuracy", "Training time")
    return (
        f"<h3>Designs</h3><table><thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}{unfinished}"
    )


def _curves(its: Handout, drawn: Mapping[str, Look]) -> str:
    svg = charts.curves([(drawn[curve.design_key], curve.values) for curve in its.curves])
    if not svg:
        return ""
    words = f"Validation accuracies of {counted(len(its.curves), 'run')} after each epoch"
    return f'<h3>Validation accuracy while they learnt</h3><img src="data:image/svg+xml,{quote(svg)}" alt="{words}">'


def _verdict(its: Handout, drawn: Mapping[str, Look]) -> str:
    del drawn
    if its.verdict:
        return f"<h3>The verdict</h3><p>{escape(its.verdict)}</p>"
    if its.designs:
        return "<h3>The verdict</h3><p>None: it takes two designs, and several seeds of each.</p>"
    return ""


def _guesses(its: Handout, drawn: Mapping[str, Look]) -> str:
    del drawn
    if not its.guesses:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(one.question)}</th><td>{escape(one.guess)}</td><td>{escape(one.outcome)}</td></tr>'
        for one in its.guesses
    )
    heads = "".join(f"<th scope=col>{head}</th>" for head in ("Question", "Guess", "Outcome"))
    return f"<h3>Guesses</h3><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _digits(its: Handout, drawn: Mapping[str, Look]) -> str:
    del drawn
    digits = its.digits.digits
    if not digits:
        return ""
    captions = {digit.id: named(digit.label) for digit in digits}
    return f"<h3>Own digits: {len(digits)}</h3>{digit_pictures.gallery(digits, captions)}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}".replace("%", "\u00a0%")


# What stands on a page, from above: each as HTML, of a handout and the looks of its designs; empty where there is nothing.
SECTIONS: tuple[Callable[[Handout, Mapping[str, Look]], str], ...] = (
    _designs,
    _curves,
    _verdict,
    _guesses,
    _digits,
)
