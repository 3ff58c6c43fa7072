"""The study that somebody is planning: plain data, kept among their choices, of which `plan` makes the validated thing.

A draft may be impossible: what was typed is kept while the page says what is wrong.
"""

import re
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from mnist_lab import numerals
from mnist_lab.design.architecture import Architecture
from mnist_lab.design.bulk_edit import depth_range
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import Experiment, parse, read_design
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError
from mnist_lab.studies.fields import DEPTH, VARIABLES, Variable, occurs, variable
from mnist_lab.studies.plan import Factor, Plan
from mnist_lab.studies.templates import TEMPLATES, named
from mnist_lab.ui.design import draft as designs
from mnist_lab.ui.session import lab, person

Draft = dict[str, Any]
Design = dict[str, Any]  # an experiment as JSON
DESIGNS = ""  # in the place of a field, where the levels are whole designs
_KEY, _BEFORE, _OPENED = "study_draft", "study_before", "study_opened"
_CHOICE = "study"
UNASKED = "?"  # stands for a question that is not written yet, so that the rest can be worked out
_LEAST, _MOST = 0.001, 50.0  # points that may matter
_EXACT = 2.0**53  # below it a whole number is shown as it was typed
_SIZE = re.compile(r"\s*(\d+)\s*[x×*]\s*(\d+)\s*", re.IGNORECASE)


def current() -> Draft:
    """The study that is being planned: as it was left, also in an earlier session; at first the first template."""
    if _KEY not in st.session_state:
        kept = lab().choice(_CHOICE, by=person())
        st.session_state[_KEY] = kept if _is_draft(kept) else of_plan(TEMPLATES[0].plan)
    found: Draft = st.session_state[_KEY]
    return found


def is_begun() -> bool:
    """Whether there is one that somebody has worked on."""
    return _KEY in st.session_state or _is_draft(lab().choice(_CHOICE, by=person()))


def _is_draft(kept: Any) -> bool:
    """Whether it is a draft as this version writes it, and not what another one left."""
    if not isinstance(kept, dict) or kept.keys() != of_plan(TEMPLATES[0].plan).keys():
        return False
    try:
        for design in [kept["base"], *(design for factor in kept["factors"] for design in factor["designs"])]:
            parse(Experiment, design)
    except InputError:
        return False
    return all(factor["field"] in (DESIGNS, *VARIABLES) for factor in kept["factors"])


def save(draft: Draft) -> None:
    """Make this the study that is being planned."""
    st.session_state[_KEY] = draft
    lab().choose(_CHOICE, draft, by=person())


def change(**fields: Any) -> None:
    """Change some of its fields."""
    save({**current(), **fields})


def change_factor(number: int, **fields: Any) -> None:
    """Change some fields of what varies. Where what the others are compared with is no level any more, the first level
    takes its place."""
    factors = [dict(factor) for factor in current()["factors"]]
    factors[number] |= fields
    change(factors=factors)
    if number == 0 and current()["reference"] is not None:
        its = reference_levels(current())
        if its and current()["reference"] not in its:
            change(reference=its[0])


def vary(number: int, path: str) -> None:
    """Have something else vary, whose levels are not said yet."""
    change_factor(number, field=path, text="", picked=[], designs=[])
    if number == 0:
        change(reference=None)  # which was a level of what varied before


def open_plan(plan: Plan, version_of: int | None = None) -> None:
    """Plan a study anew from a plan; what was planned before is kept, and can be had back."""
    new = of_plan(plan, version_of)
    if is_begun() and current() != new:
        st.session_state[_BEFORE] = current()
    save(new)


def open_template(key: str) -> None:
    """Begin with a template, by its key.

    Raises:
        InputError: there is none with this key.
    """
    found = named(key)
    if found is None:
        keys = ", ".join(template.key for template in TEMPLATES)
        raise InputError(f"Address: template should be one of {keys}; received {key[:60]!r}.")
    open_plan(found.plan)


def open_once(template: str) -> None:
    """The same, but only when somebody arrives at the address that names it: what they change then stays changed."""
    if st.session_state.get(_OPENED) != template:
        open_template(template)
        st.session_state[_OPENED] = template


def arrive() -> None:
    """To be called where the address names no template: the next one that it names is opened."""
    st.session_state.pop(_OPENED, None)


def before() -> Draft | None:
    """What was planned before it was replaced."""
    found: Draft | None = st.session_state.get(_BEFORE)
    return found


def back() -> None:
    """Have back what was planned before; and the other way round, if one changes one's mind."""
    if found := before():
        st.session_state[_BEFORE] = current()
        save(found)


def scratch() -> None:
    """Plan a study from nothing but the design that is open on the Design page."""
    base = designs.trainable()
    empty = of_plan(TEMPLATES[0].plan)
    if is_begun() and current() != empty:
        st.session_state[_BEFORE] = current()
    factor = {"field": "blocks.kernel_size", "text": "", "picked": [], "designs": []}
    save({**empty, "question": "", "base": base.model_dump(mode="json"), "factors": [factor], "reference": None})


def of_plan(plan: Plan, version_of: int | None = None) -> Draft:
    """A draft that says what a plan says."""
    return {
        "question": plan.question,
        "base": plan.base.model_dump(mode="json"),
        "factors": [_of_factor(factor) for factor in plan.factors],
        "what": plan.equal.what,
        "by": plan.equal.by or "filters",
        "seeds": plan.seeds,
        "first_seed": plan.first_seed,
        "metric": plan.metric,
        "reference": plan.reference,
        "matters": round(100 * plan.matters, 10),
        "version_of": version_of,
    }


def _of_factor(factor: Factor) -> dict[str, Any]:
    data = factor.model_dump(mode="json")
    return {
        "field": factor.field,
        "text": ", ".join(factor.texts) if factor.field else "",
        "picked": list(factor.texts) if factor.field else [],
        "designs": data["presets"],
    }


def variables(base: Design) -> list[Variable]:
    """What can vary in a design."""
    network = parse(Architecture, base["architecture"])
    least, most = depth_range(network)
    return [one for one in VARIABLES.values() if (least < most if one.path == DEPTH else occurs(base, one))]


def choices(path: str) -> dict[str, Any]:
    """The values of a field that has only a few, by how they are shown; empty where they are numbers."""
    kind = variable(path).info.annotation
    if kind is bool:
        return {"no": False, "yes": True}
    if get_origin(kind) is Literal:
        extra = variable(path).info.json_schema_extra
        labels: Any = extra.get("labels", {}) if isinstance(extra, dict) else {}  # of what is stored under another name
        del labels  # a level is shown as it is stored
        return {text(value): value for value in get_args(kind)}
    return {}


def levels(factor: dict[str, Any]) -> list[Any]:
    """The levels that were typed or picked, not yet validated.

    Raises:
        InputError: something that was typed is no value; one sentence.
    """
    path = factor["field"]
    if options := choices(path):
        return [options[name] for name in options if name in factor["picked"]]
    typed = factor["text"]
    parts = [part.strip() for part in typed.split(";" if ";" in typed else ",")]
    if not parts[-1]:
        parts.pop()  # a comma at the end, or nothing at all
    if "" in parts:
        raise InputError(f"Levels: there should be a value between two commas; received {typed[:40]!r}.")
    return [_value(path, part) for part in parts]


def _value(path: str, typed: str) -> Any:
    found, kind = variable(path), variable(path).info.annotation
    is_size = get_origin(kind) is tuple
    if is_size and (both := _SIZE.fullmatch(typed)):
        return [int(both[1]), int(both[2])]
    try:
        number = numerals.read(typed, is_count=kind is not float)
    except InputError as error:
        raise InputError(
            f"{found.title}: levels should be {'sizes, such as 3 or 3×5' if is_size else 'numbers'}, with commas between them; "
            f"received {typed[:40]!r}. {error}"
        ) from None
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def plan(draft: Draft) -> Plan:
    """What would be studied; a question that is still missing is `UNASKED`.

    Raises:
        InputError: one sentence on what is wrong.
    """
    factors: list[dict[str, Any]] = []
    base = draft["base"]
    for factor in draft["factors"]:
        if factor["field"] == DESIGNS:
            factors.append({"presets": factor["designs"]})
            base = factor["designs"][0] if factor["designs"] else base
        else:
            factors.append({"field": factor["field"], "levels": levels(factor)})
    for factor in factors:
        _check(factor, is_one_of_two=len(factors) > 1)
    matters = draft["matters"]
    if isinstance(matters, str):
        raise InputError(f"What would matter: should be a number of percentage points; received {matters[:40]!r}.")
    if not _LEAST <= matters <= _MOST:
        raise InputError(
            f"What would matter: should be from {_LEAST:g} to {_MOST:g} points; received {numerals.written(matters)}."
        )
    what = draft["what"]
    by = None if what == "everything" else "filters" if what == "parameters" else draft["by"]
    return parse(
        Plan,
        {
            "question": draft["question"].strip() or UNASKED,
            "base": base,
            "factors": factors,
            "equal": {"what": what, "by": by},
            "seeds": draft["seeds"],
            "first_seed": draft["first_seed"],
            "metric": draft["metric"],
            "reference": draft["reference"],
            "matters": matters / 100,
        },
    )


def _check(factor: dict[str, Any], *, is_one_of_two: bool) -> None:
    """Raises InputError where what varies is none; names the field where there are two, and not its number."""
    try:
        parse(Factor, factor)
    except InputError as error:
        title = variable(factor["field"]).title if "field" in factor else "Designs"
        which = f"{title}: " if is_one_of_two and not str(error).startswith(title) else ""
        raise InputError(f"{which}{error}") from None


def reference_levels(draft: Draft) -> list[str]:
    """The levels of what varies first, as they are shown; those that are no values are left out."""
    factor = draft["factors"][0]
    if factor["field"] == DESIGNS:
        return [design["name"] for design in factor["designs"]]
    try:
        found = [variable(factor["field"]).validated(level) for level in levels(factor)]
    except InputError:
        return []
    return list(dict.fromkeys(text(list(level) if isinstance(level, tuple) else level) for level in found))


def kept_designs() -> dict[str, Experiment]:
    """Designs to choose from by what they are called: the one on the Design page, the saved ones, the presets."""
    found = {"My design on the Design page": designs.trainable()}
    for name, written in lab().designs(by=person()).items():
        try:
            found[f"saved: {name}"] = read_design(written)
        except InputError:
            continue  # of a newer version: the Design page says so where somebody opens it
    return found | {f"preset: {name}": preset for name, preset in PRESETS.items()}
