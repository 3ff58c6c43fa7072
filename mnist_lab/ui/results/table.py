"""The Results page's table: search, filters, columns in any order, ticked rows."""

from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mnist_lab.numerals import counted
from mnist_lab.results import filters, table
from mnist_lab.results.files import guarded
from mnist_lab.results.filters import Condition
from mnist_lab.ui import grid, labels, navigation, presentation, shell
from mnist_lab.ui.choices import with_selected
from mnist_lab.ui.fields import optional_number
from mnist_lab.ui.looks import looks
from mnist_lab.ui.results import actions, exports
from mnist_lab.ui.session import errors_shown, lab, person, seen, zone
from mnist_lab.ui.text import plain

REFRESH_SECONDS = 3.0
_KEPT = 12  # tables; in a class in which pupils see their own runs only, each has one of their own, and a small one
_TABLE, _SHOWN_IDS = "runs", "shown_ids"
_COLUMNS = "columns"  # of the widget, and of the choice that the store keeps
_FILTER, _VALUES, _LOW, _HIGH = "filter-", "values-", "low-", "high-"  # what a filter's keys begin with
_SEARCH = "search"
_WHENEVER: list[date | datetime | str | None] = []
_number = st.column_config.NumberColumn
_text = st.column_config.TextColumn
COLUMNS: dict[str, Any] = {
    "name": _text("Design", width=116),
    "accuracy": _text(
        "Test accuracy",
        width=112,
        alignment="right",
        help="Of the kept weights on the 10,000 test images: the mean over seeds, ± half the width of its 95 % interval, "
        "which holds however often you look and add seeds. Fewer than three seeds have none.",
    ),
    "status": _text("Status", width=70),
    "n": _number("Seeds", help="How many finished runs with different seeds are in this row.", width=56),
    "validation": _text(
        "Validation",
        width=112,
        alignment="right",
        help="Validation accuracy of the kept weights: the mean over seeds, ± half the width of its 95 % interval, from three "
        "seeds on.",
    ),
    "parameters": _number("Parameters", format="localized", width=88),
    "seconds": _number("Seconds", format="%.1f s", width=70, help="From start to test result; mean over seeds."),
    "kernel_sizes": _text("Kernels"),
    "test_accuracy": _number("Test accuracy, number", format="%.2f %%", help="Mean over seeds."),
    "test_low": _number("Test, 95 % from", format="%.2f %%", help="Where the 95 % interval of the mean begins."),
    "test_high": _number("Test, 95 % to", format="%.2f %%", help="Where the 95 % interval of the mean ends."),
    "test_sd": _number("Test ± sd", format="%.2f", help="Standard deviation over seeds, in percentage points."),
    "validation_accuracy": _number("Validation, number", format="%.2f %%", help="Mean over seeds."),
    "validation_low": _number(
        "Validation, 95 % from", format="%.2f %%", help="Where the 95 % interval of the mean begins."
    ),
    "validation_high": _number(
        "Validation, 95 % to", format="%.2f %%", help="Where the 95 % interval of the mean ends."
    ),
    "validation_sd": _number(
        "Validation ± sd", format="%.2f", help="Standard deviation over seeds, in percentage points."
    ),
    "curve": st.column_config.LineChartColumn(
        "Curve",
        help="Validation accuracy by epoch; of several seeds their mean. Each on a scale of its own.",
        width=110,
        color="auto",
    ),
    "conv_layers": _number("Conv layers", width=90),
    "filters": _text("Filters"),
    "test_loss": _number("Test loss", format="%.4f", help="Mean over seeds."),
    "best_validation_accuracy": _number("Best validation", format="%.2f %%"),
    "best_epoch": _number("Best epoch", format="%d", help="Empty where the seeds differ."),
    "last_validation_accuracy": _number("Last validation", format="%.2f %%"),
    "last_epoch": _number("Last epoch", format="%d"),
    "multiply_adds": _number("Multiply-adds", format="localized", help="For one image, forward."),
    "predicted": _text("Predicted", help="How long the lab expected it to take before it began."),
    "continues": _text(
        "Continues",
        help="The run that it continues, and from which epoch; such a run is never folded with other seeds.",
    ),
    "protocol": _text(
        "Protocol", help="notebook: validated on the test images. holdout: on 5,000 training images kept apart."
    ),
    "tags": st.column_config.ListColumn("Tags"),
    "note": _text("Note"),
    "owner": _text("Owner", help="Who trained it."),
    "seeds": _text("Seed numbers"),
    "when": st.column_config.DatetimeColumn(
        "When",
        format="YYYY-MM-DD HH:mm:ss",
        help="When it ended, or was queued if it has not ended; in your time zone.",
    ),
    "runs": _text("Runs"),
    "error": _text("Why it ended"),
}
_ROWS_IN_SIGHT = 14  # of more the table scrolls
_LOOK = "look"  # always first
_LOOKS = {
    _LOOK: st.column_config.ImageColumn("Look", width=60, pinned=True, help="How the design is drawn everywhere.")
}
_FIELDS = {
    "Epochs": _number("Epochs", width=60),
    "Training images": _number("Images", format="localized", width=70, help="Training images in an epoch."),
}
DEFAULT = ["name", "accuracy", "status", "n", "validation", "parameters", "seconds", "Epochs"]
_AS_NUMBERS = {  # what is one column on the screen and several in a file
    "accuracy": ("test_accuracy", "test_low", "test_high"),
    "validation": ("validation_accuracy", "validation_low", "validation_high"),
}
_SHARES = [name for name in COLUMNS if name.endswith(("_accuracy", "_sd", "_low", "_high"))]
_OLDER = {"test_half": ("test_low", "test_high"), "validation_half": ("validation_low", "validation_high")}


Now = tuple[Any, ...]


def follow() -> Now:
    """Redraw the page when the table changes; the fingerprint of the table now."""
    now = seen().fingerprint()
    st.fragment(_follow, run_every=REFRESH_SECONDS)(now)
    return now


def every(now: Now) -> pd.DataFrame:
    """The table of all runs, a row a run."""
    return _rows(lab().store.url, now)


def deleted(now: Now) -> pd.DataFrame:
    """The table of the deleted runs that one can still restore, a row a run."""
    rights = seen().rights
    return _rows(lab().store.url, now, deleted_by="" if rights.are_all else rights.owner)


def designs(now: Now) -> pd.DataFrame:
    """The same without what is archived, a row a design; in a class, of each person."""
    return _folded(lab().store.url, now, archived=False, apart=_apart())


@st.cache_resource(max_entries=_KEPT, show_spinner="Reading the runs…")
def _rows(url: str, fingerprint: Now, *, deleted_by: str | None = None) -> pd.DataFrame:
    """Read once for all who see the same, until something changes.

    Args:
        deleted_by: the owner whose deleted runs are read in place of the others, empty for everybody's.
    """
    del url
    reader = seen()
    if reader.rights.view != fingerprint[0]:
        st.rerun()  # what they see has just been changed: this would be kept as what they saw before
    return reader.table(deleted=deleted_by is not None)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _folded(url: str, fingerprint: Now, *, archived: bool, apart: tuple[str, ...]) -> pd.DataFrame:
    each = _rows(url, fingerprint)
    return table.fold_apart(each if archived else each[~each["archived"]], apart)


def _apart() -> tuple[str, ...]:
    """Whose seeds are not folded with those of others: each pupil's, for they may be the same ones."""
    reader = seen()
    return tuple(sorted(reader.names())) if reader.rights.room else ()


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _fields(url: str, designs: tuple[str, ...]) -> pd.DataFrame:
    """Every field of each design, a row a design's key."""
    del url
    reader = seen()
    return pd.DataFrame([reader.fields(key) for key in designs], index=list(designs))


def with_interval(mean: pd.Series, low: pd.Series, high: pd.Series) -> list[str | None]:
    """Percentages as `99.33 ± 0.04 %`, or `98.70 %` where there is no interval; a browser sorts them as it sorts numbers.

    Where an interval is cut off at 0 or 100 %, its longer half counts.
    """
    halves = np.fmax(mean - low, high - mean)
    texts = [
        None if pd.isna(m) else f"{m:.2f}" + ("" if pd.isna(h) else f" ± {h:.2f}")
        for m, h in zip(mean, halves, strict=True)
    ]
    whole = max((text.index(".") for text in texts if text), default=0)
    return [None if text is None else " " * (whole - text.index(".")) + f"{text} %" for text in texts]


def shown(given: pd.DataFrame, where: tzinfo) -> pd.DataFrame:
    """Rows as they are exported and, but for their lists, displayed: percentages, and the times of a zone."""
    found = given.copy()
    found[_SHARES] = (found[_SHARES].astype(float) * 100).round(12)  # 98.21, and not 98.21000000000001
    found["when"] = found["when"].dt.tz_convert(where)
    return found


@errors_shown()
def show(now: Now) -> None:
    """The table with its tools, and what can be done with the rows chosen in it."""
    labels.message()
    each, gone = every(now), deleted(now)
    if each.empty and gone.empty:
        if seen().queued_studies():
            st.info("The runs of a study appear here when the last one has ended.", icon=":material/lock:")
            st.page_link(navigation.STUDIES.script, label="See how far it is", icon=navigation.STUDIES.icon)
        else:
            st.info("No runs yet: train a network and it appears here.", icon=":material/info:")
            st.page_link(navigation.DESIGN.script, label="Design a network", icon=":material/architecture:")
        labels.undo_button()
        exports.import_receipt()
        return
    tools = st.container(horizontal=True, vertical_alignment="center", gap="small", key="tools-table")
    with tools:
        words, fold, is_gone = _tools(len(gone))
        rows = gone if is_gone else each
        if rows.empty:
            st.info("All runs are deleted; switch on Deleted to see and restore them.", icon=":material/info:")
            labels.undo_button()
            return
        fields = _fields(lab().store.url, tuple(rows["design_key"].unique()))
        names = seen().names()
        conditions, vanished, archived = _filters(rows, fields, names)
        columns = _columns(fields)
    if is_gone:
        given = table.fold_apart(gone, _apart()) if fold else gone
    else:
        given = _folded(lab().store.url, now, archived=archived, apart=_apart()) if fold else each
        if not fold and not archived:
            given = given[~given["archived"]]
    dated = given.assign(day=_days(given)) if "day" in conditions else given
    found = given[
        filters.matching(_named(given, names), words) & filters.meeting(dated, conditions, fields)
    ].reset_index(drop=True)
    with tools:
        where = zone()  # asked now: the file is made when no page is being drawn
        first = [name for column in columns for name in _AS_NUMBERS.get(column, (column,))]
        exports.table(found, rows, fields, first, lambda rows: shown(rows, where))
    left = "" if len(found) == len(given) else f"{len(found):,} of "
    count = f"{left}{counted(len(given), 'row')}, {counted(int(found['ids'].map(len).sum()), 'run')}."
    # Above the table, which grows: so the buttons stay where they are.
    actions.show(_chosen(found), rows, count, deleted=is_gone)
    _grid(_named(found, names), columns, fields)
    _filtered(conditions, vanished)
    _ticked_elsewhere(found, each, gone, is_gone=is_gone)
    _cautions(found)
    exports.import_receipt()


def _tools(gone: int) -> tuple[str, bool, bool]:
    """What is searched for; whether seeds are folded, and the `gone` deleted runs are listed instead of the others."""
    words = st.text_input(
        "Search: name, tag, note, kernels, run number",
        key=_SEARCH,
        persist_state="session",
        placeholder="Search",
        icon=":material/search:",
        width=170,
        label_visibility="collapsed",
    )
    fold = st.toggle(
        "Fold seeds",
        value=True,
        key="fold",
        persist_state="session",
        help="Finished runs that differ only in their seed become one row with mean, standard deviation and "
        "interval. Runs that were stopped, failed or were interrupted keep a row of their own and count in no mean.",
    )
    is_gone = gone > 0 and st.toggle(
        f"Deleted ({gone})",
        key="deleted",
        help="Shows the runs deleted in the last seven days instead, so that they can be restored.",
    )
    return words, fold, is_gone


def _named(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rows with their owners' names, for the page only: no file holds them."""
    return rows.assign(owner=[names.get(owner, owner) for owner in rows["owner"]])


def _filtered(conditions: dict[str, Condition], vanished: list[str]) -> None:
    """By what the table is filtered, and a button that ends it."""
    if not conditions:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="filtered"):
        told = "".join(f"; {words}" for words in vanished)
        names = ", ".join(name.replace("_", " ") for name in conditions)
        st.caption(f":material/filter_alt: Filtered by {names}{plain(told)}.", width="content")
        st.button("Clear the filter", type="tertiary", icon=":material/filter_alt_off:", on_click=_clear)


def _follow(fingerprint: Now) -> None:
    if seen().fingerprint() != fingerprint:
        st.rerun()


def _filters(
    each: pd.DataFrame, fields: pd.DataFrame, names: dict[str, str]
) -> tuple[dict[str, Condition], list[str], bool]:
    """Conditions on status, owner, tag, date and any field of design or recipe; what of them no run meets any more, in words;
    whether archived runs are listed too.

    A condition stays, though the last run that met it is gone.
    """
    found: dict[str, Condition] = {}
    vanished: list[str] = []

    def one_of(name: str, label: str, options: list[Any], key: str) -> None:
        values = st.multiselect(
            label,
            with_selected(options, key),
            key=key,
            persist_state="session",
            format_func=(lambda value: names.get(value, value)) if name == "owner" else str,
        )
        if values:
            found[name] = Condition(tuple(values))
            if missing := [str(value) for value in values if value not in options]:
                vanished.append(f"no run has {label.lower()} {' or '.join(missing)} any more")

    with st.popover("Filter", icon=":material/filter_alt:", key="filter"):
        archived = labels.archived_too()
        for name, label in (("status", "Status"), ("owner", "Owner")):
            one_of(name, label, sorted(each[name].unique()), f"{_FILTER}{name}")
        one_of("tags", "Tag", sorted({tag for tags in each["tags"] for tag in tags}), f"{_FILTER}tags")
        # Without bounds: Streamlit drops what lies outside of them, and they would be those of the runs that are left.
        span = st.date_input("Ended between", value=_WHENEVER, key=f"{_FILTER}when", persist_state="session")
        if isinstance(span, tuple) and len(span) == 2:
            found["day"] = Condition(tuple(day.date() for day in pd.date_range(*span)))
            if not found["day"].holds(_days(each)).any():
                vanished.append(f"no run ended from {span[0]} to {span[1]}")
        options = [str(name) for name in fields if fields[name].astype(str).nunique() > 1]
        measured = {"Parameters": "parameters", "Test accuracy": "test_accuracy", "Seconds": "seconds"}
        fields_key = f"{_FILTER}fields"
        for title in st.multiselect(
            "Fields",
            with_selected([*measured, *options], fields_key),
            key=fields_key,
            persist_state="session",
            help="Any field of the design or its recipe in which runs differ.",
        ):
            column = each[measured[title]] if title in measured else fields[title]
            name, key = measured.get(title, title), f"{_VALUES}{title}"
            if _is_numeric(column) and not st.session_state.get(key):
                if condition := _between(title, column):
                    found[name] = condition
            else:
                one_of(name, title, sorted(column.dropna().unique(), key=str), key)
    return found, vanished, archived


def _clear() -> None:
    """Clear every condition."""
    for key in list(st.session_state):
        if str(key).startswith((_FILTER, _VALUES)):
            st.session_state[key] = []
        elif str(key).startswith((_LOW, _HIGH)):
            st.session_state[key] = ""


def only_of(owner: str) -> None:
    """Have the table filtered by an owner, and by nothing else, when it is drawn next."""
    _clear()
    st.session_state[_SEARCH] = ""
    st.session_state[f"{_FILTER}owner"] = [owner]


def _days(rows: pd.DataFrame) -> Any:
    return rows["when"].dt.tz_convert(zone()).dt.date


def _is_numeric(column: pd.Series) -> bool:
    """Whether all its values are numbers; where none is left they were whatever they were."""
    values = column.dropna()
    return values.empty or (pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))


def _between(title: str, column: pd.Series) -> Condition | None:
    left, right = st.columns(2)
    low, high = (
        optional_number(
            place,
            f"{title}, {words}",
            key=f"{end}{title}",
            help="As 0.98 or 98 %." if title == "Test accuracy" else None,
            is_count=pd.api.types.is_integer_dtype(column),
        )
        for place, end, words in ((left, _LOW, "at least"), (right, _HIGH, "at most"))
    )
    return None if low is None and high is None else Condition(low=low, high=high)


def _columns(fields: pd.DataFrame) -> list[str]:
    """Which columns are shown, in which order; what a person chose last time."""
    names = {name: str(column["label"]) for name, column in COLUMNS.items()} | {str(name): str(name) for name in fields}
    if _COLUMNS not in st.session_state:
        kept = lab().choice(_COLUMNS, by=person()) or DEFAULT
        now = [name for old in kept for name in _OLDER.get(old, (old,))]
        st.session_state[_COLUMNS] = [name for name in now if name in names]

    def keep() -> None:
        lab().choose(_COLUMNS, st.session_state[_COLUMNS], by=person())

    def reset() -> None:
        st.session_state[_COLUMNS] = DEFAULT
        keep()

    with st.popover("Columns", icon=":material/view_column:", key="choose_columns"):
        chosen: list[str] = st.multiselect(
            "Columns, in their order",
            list(names),
            format_func=lambda name: names[name],
            key=_COLUMNS,
            on_change=keep,
            help="Any field of design and recipe can be a column. Your choice is remembered.",
        )
        st.button("Reset", icon=":material/restart_alt:", on_click=reset)
    return chosen or DEFAULT


def _grid(found: pd.DataFrame, columns: list[str], fields: pd.DataFrame) -> None:
    _keep_choice(found)
    display = shown(found, zone())
    # Without its zone, since a browser need not know the same ones.
    display["when"] = display["when"].dt.tz_localize(None)
    for name, of in (("accuracy", "test"), ("validation", "validation")):
        display[name] = with_interval(display[f"{of}_accuracy"], display[f"{of}_low"], display[f"{of}_high"])
    drawn = looks(found["design_key"].unique())
    display[_LOOK] = [shell.picture(drawn[key]) for key in found["design_key"]]
    for name, source in (("runs", "ids"), ("seeds", "seeds")):
        display[name] = [", ".join(map(str, values)) for values in found[source]]
    # A browser copies cells, and saves them as CSV, as they are here: into a spreadsheet.
    display["tags"] = [[guarded(tag) for tag in tags] for tags in found["tags"]]
    for name in ("name", "note", "owner"):
        display[name] = display[name].map({text: guarded(text) for text in display[name].unique()})
    for name in columns:
        if name not in COLUMNS:
            display[name] = found["design_key"].map(fields[name])
    grid.show(
        display[[_LOOK, *columns]],
        COLUMNS | _LOOKS | _FIELDS,
        place=st.container(key="runs-table"),
        on_select=partial(_select, _key()),
        selection_mode="multi-row",
        key=_key(),
        height="content" if len(found) <= _ROWS_IN_SIGHT else round(560 * presentation.scale()),
        alt=f"{counted(len(found), 'row')}, newest first, with design, accuracy, status and cost",
    )


def _key() -> str:
    """The table's key, another one in a presentation: a browser measures the table's words when it mounts it, and never again."""
    return f"{_TABLE}-presented" if presentation.is_on() else _TABLE


def _keep_choice(found: pd.DataFrame) -> None:
    """The choice is of runs, not of places: rows move down as new runs come."""
    wanted = set(labels.chosen())
    ids = found["ids"].tolist()
    places = [i for i, row in enumerate(ids) if wanted.intersection(row)] if wanted else []
    st.session_state[_SHOWN_IDS] = ids
    key = _key()
    seen = st.session_state.get(key)
    if seen is None or sorted(seen["selection"]["rows"]) != places:
        # Only where it is another one: a selection that is set takes the keyboard's place in the table away.
        st.session_state[key] = {"selection": {"rows": places}}


def _select(key: str) -> None:
    """Ticked are all runs of the ticked rows; what is not among the rows shown stays ticked."""
    places = st.session_state[key]["selection"]["rows"]
    ids = st.session_state[_SHOWN_IDS]
    shown = {run_id for row in ids for run_id in row}
    unseen = [run_id for run_id in labels.chosen() if run_id not in shown]
    labels.choose(unseen + [i for place in places if place < len(ids) for i in ids[place]])


def _chosen(found: pd.DataFrame) -> pd.DataFrame:
    wanted = set(labels.chosen())
    return found[found["ids"].map(lambda ids: bool(wanted.intersection(ids)))] if wanted else found[:0]


def _ticked_elsewhere(found: pd.DataFrame, each: pd.DataFrame, gone: pd.DataFrame, *, is_gone: bool) -> None:
    """Which of the runs that were ticked are not among the rows shown, and why."""
    ticked = labels.chosen()
    if not ticked or is_gone:
        return
    shown, here, deleted = ({run_id for row in rows["ids"] for run_id in row} for rows in (found, each, gone))
    hidden = [run_id for run_id in ticked if run_id in here and run_id not in shown]
    lost = [run_id for run_id in ticked if run_id not in here]
    words = []
    if hidden:
        words.append(f"{_runs(hidden)} {_is(hidden)} ticked too, but not among the rows shown")
    if lost:
        rest = "" if deleted.issuperset(lost) else " for good"
        words.append(f"{_runs(lost)}, which {_was(lost)} ticked, {_is(lost)} deleted{rest}")
    if words:
        with st.container(horizontal=True, vertical_alignment="center", key="unseen"):
            st.caption(f":material/info: {'; '.join(words)}.", width="content")
            st.button("Untick", type="tertiary", on_click=_untick, args=(hidden + lost,))


def _untick(run_ids: list[int]) -> None:
    labels.choose(i for i in labels.chosen() if i not in run_ids)


def _runs(ids: list[int]) -> str:
    return f"Run {ids[0]}" if len(ids) == 1 else f"{len(ids)} runs"


def _is(ids: list[int]) -> str:
    return "is" if len(ids) == 1 else "are"


def _was(ids: list[int]) -> str:
    return "was" if len(ids) == 1 else "were"


def _cautions(found: pd.DataFrame) -> None:
    """What a reader of this table should keep in mind."""
    sentences = [actions.selection_bias_words(found)]
    if (found["n"] == 1).any():
        sentences.append("A row with one seed is a single try: the next seed may do better or worse.")
    if "notebook" in set(found["protocol"]):
        sentences.append(
            "Under the notebook protocol the test images serve for validation too, so both accuracies are the same."
        )
    st.caption(" ".join(filter(None, sentences)))
