"""The plan of a study: what is asked, what varies, what stays equal, how many seeds; and below it what that can tell."""

from functools import partial
from typing import Any, get_args

import streamlit as st

from mnist_lab.design.architecture import filters
from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.errors import InputError
from mnist_lab.studies.fields import VARIABLES
from mnist_lab.studies.plan import FEWEST_SEEDS, MAX_QUESTION, MOST_LEVELS, MOST_SEEDS, Equal, Metric, What
from mnist_lab.ui import fields, navigation
from mnist_lab.ui.design import draft as designs
from mnist_lab.ui.design import summary
from mnist_lab.ui.studies import draft as drafts
from mnist_lab.ui.studies import place, preview, words
from mnist_lab.ui.studies.draft import Draft
from mnist_lab.ui.text import plain

_WRONG = ":small[:material/error: {}]"
_ALL_PAIRS = "each with each"
_EQUAL: dict[What, str] = {
    "everything": "everything else, whatever it costs",
    "parameters": "the number of parameters",
    "multiply-adds of training": "the computation of a training",
    "predicted seconds": "the training time",
}
_BY = {"filters": "filters", "length": "length of training"}


def show() -> None:
    """The whole form, what it can tell, and the button that starts it."""
    draft = drafts.current()
    place.back()
    _replaced()
    if draft["version_of"] is not None:
        st.info(
            f"A new version of study {draft['version_of']}, whose comparisons count too: whoever asks again until the answer pleases "
            "fools themselves, so this one is judged by the test that allows for it.",
            icon=":material/fork_right:",
        )
    st.text_input(
        "Your question",
        max_chars=MAX_QUESTION,
        placeholder="Does kernel size matter?",
        help="In your own words; it stands above the answer.",
        **fields.bound("study-question", draft["question"], lambda new: drafts.change(question=new)),
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.header("What varies", anchor=False)
        _varies(draft)
        _base(draft)
    with right:
        st.header("What stays equal", anchor=False)
        _equal(draft)
        st.header("How it is decided", anchor=False)
        _decided(draft)
    preview.show(draft)


def _replaced() -> None:
    """A way back to the plan that another one has replaced."""
    if (before := drafts.before()) is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Before, you planned: {plain(before['question'] or 'a question not written yet')}", width="content")
        st.button("Back to that plan", icon=":material/undo:", key="study-back", on_click=drafts.back)


def _varies(draft: Draft) -> None:
    for number in range(len(draft["factors"])):
        _factor(draft, number)
    if len(draft["factors"]) == 1:
        st.button(
            "Vary a second thing too",
            icon=":material/add:",
            key="study-add-factor",
            on_click=_add_factor,
            help="Every combination is trained, and the answer says whether the one depends on the other.",
        )
    else:
        st.button("Vary only the first", icon=":material/remove:", key="study-drop-factor", on_click=_drop_factor)


def _add_factor() -> None:
    draft = drafts.current()
    used = draft["factors"][0]["field"]
    field = next(
        one.path
        for one in drafts.variables(draft["base"])
        if one.path not in (used, "blocks.filters") and not drafts.choices(one.path)
    )
    drafts.change(factors=[*draft["factors"], {"field": field, "text": "", "picked": [], "designs": []}])


def _drop_factor() -> None:
    drafts.change(factors=drafts.current()["factors"][:1])


def _factor(draft: Draft, number: int) -> None:
    """What varies, and its levels; what was typed wrongly is said below them."""
    factor = draft["factors"][number]
    paths = [one.path for one in drafts.variables(draft["base"])]
    path = factor["field"]
    options = [*paths, drafts.DESIGNS]
    if path not in options:
        options.append(path)  # of a design that has it; the plan says what is wrong
    first, second = st.columns([2, 3], vertical_alignment="top")
    first.selectbox(
        "What varies" if number == 0 else "And also",
        options,
        format_func=_title,
        help="One setting of the design or of its training; or whole designs.",
        **fields.bound(
            f"study-field-{number}",
            path,
            partial(drafts.vary, number),
            argument="index",
            options=options,
        ),
    )
    with second:
        if path == drafts.DESIGNS:
            _designs(factor, number)
        elif values := drafts.choices(path):
            st.pills(
                "Levels",
                list(values),
                selection_mode="multi",
                help="The values that are compared; at least two.",
                **fields.bound(
                    f"study-picked-{number}",
                    factor["picked"],
                    lambda new: drafts.change_factor(number, picked=list(new)),
                    argument="default",
                ),
            )
        else:
            st.text_input(
                "Levels",
                placeholder="2, 3, 5, 7",
                help="The values that are compared, two to eight, with commas between them; with semicolons where your numbers "
                "have decimal commas.",
                **fields.bound(
                    f"study-levels-{number}", factor["text"], lambda new: drafts.change_factor(number, text=new)
                ),
            )
            try:
                drafts.levels(factor)
            except InputError as error:
                st.markdown(_WRONG.format(plain(str(error))))


def _title(path: str) -> str:
    if path == drafts.DESIGNS:
        return "Whole designs"
    part = "Training" if path.startswith(("recipe.", "augmentation.", "train_images")) else "Network"
    return f"{part}: {VARIABLES[path].title}"


def _named(current: list[drafts.Design]) -> dict[str, drafts.Design]:
    """Designs to choose from, by what they are called, and those that are chosen already and are none of them."""
    found = {name: design.model_dump(mode="json") for name, design in drafts.kept_designs().items()}
    for design in current:
        if design not in found.values():
            found[design["name"] if design["name"] not in found else f"{design['name']} (as it was)"] = design
    return found


def _label(design: drafts.Design, found: dict[str, drafts.Design]) -> str:
    """What a design is called; a preset as such, also where it is the one on the Design page."""
    return [name for name, other in found.items() if other == design][-1]


def _designs(factor: dict[str, Any], number: int) -> None:
    found = _named(factor["designs"])
    st.multiselect(
        "Designs",
        list(found),
        max_selections=MOST_LEVELS,
        help="Presets, saved designs, and the one on the Design page; each is a level with its own name.",
        **fields.bound(
            f"study-designs-{number}",
            [_label(design, found) for design in factor["designs"]],
            lambda names: drafts.change_factor(number, designs=[found[name] for name in names]),
            argument="default",
        ),
    )


def _base(draft: Draft) -> None:
    """The design in which something varies."""
    if any(factor["field"] == drafts.DESIGNS for factor in draft["factors"]):
        st.caption("Each design is trained as it is.")
        return
    found = _named([draft["base"]])
    st.selectbox(
        "In the design",
        list(found),
        help="All else about network and training is as in this design.",
        **fields.bound(
            "study-base",
            _label(draft["base"], found),
            lambda name: drafts.change(base=found[name]),
            argument="index",
            options=list(found),
        ),
    )
    design = parse(Experiment, draft["base"])
    blocks = len(design.architecture.blocks)
    recipe = summary.recipe_in_words(design).removesuffix(f" · seed {design.seed}")
    st.caption(f"{blocks} convolution blocks with {filters(design.architecture)} filters. {recipe}.")
    if st.button(
        "Change it on the Design page",
        icon=":material/architecture:",
        type="tertiary",
        key="study-edit",
        help="Then come back by Studies › Go on with the plan that you began, and choose “My design on the Design page” here.",
    ):
        designs.open_run(design)
        st.switch_page(navigation.DESIGN.script, query_params=designs.query())


def _equal(draft: Draft) -> None:
    """What is held equal, and by which means."""
    what = draft["what"]
    st.selectbox(
        "Equal",
        get_args(What),
        format_func=lambda one: _EQUAL[one],
        label_visibility="collapsed",
        help="Larger kernels, for example, bring more parameters and more computation. To tell the one from the other, the designs can "
        "be given equally many of one of them, within 2 %.",
        **fields.bound(
            "study-equal", what, lambda new: drafts.change(what=new), argument="index", options=get_args(What)
        ),
    )
    if what in ("multiply-adds of training", "predicted seconds"):
        fields.choose(
            st,
            "By changing",
            list(_BY),
            draft["by"],
            key="study-by",
            save=lambda new: drafts.change(by=new),
            help="Filters: each block has more or fewer. Length: more or fewer epochs, or images in an epoch.",
            shown=lambda one: _BY[one],
        )
    by = None if what == "everything" else "filters" if what == "parameters" else draft["by"]
    is_of_designs = any(factor["field"] == drafts.DESIGNS for factor in draft["factors"])
    st.caption(f"{words.held_equal(Equal(what=what, by=by), is_of_designs=is_of_designs)}.")


def _decided(draft: Draft) -> None:
    """Seeds, comparisons, metric, and what would matter."""
    levels = drafts.reference_levels(draft)
    references: list[str | None] = [None, *levels]
    if draft["reference"] not in references:
        references.append(draft["reference"])
    first, second = st.columns(2, vertical_alignment="bottom")
    third, fourth = st.columns(2, vertical_alignment="bottom")
    first.number_input(
        "Seeds of each",
        min_value=FEWEST_SEEDS,
        max_value=MOST_SEEDS,
        step=1,
        help="How many times each is trained, with different random choices; the same choices at each level. More seeds show smaller differences.",
        **fields.bound("study-seeds", draft["seeds"], lambda new: drafts.change(seeds=int(new))),
    )
    second.selectbox(
        "Compare",
        references,
        format_func=lambda level: _ALL_PAIRS if level is None else f"each with {level}",
        help="Fewer comparisons show smaller differences: each further one is a further chance to be wrong, and is corrected for.",
        **fields.bound(
            "study-reference",
            draft["reference"],
            lambda new: drafts.change(reference=new),
            argument="index",
            options=references,
        ),
    )
    fields.number(
        third,
        "What would matter (points)",
        draft["matters"],
        key="study-matters",
        save=lambda new: drafts.change(matters=new),
        help="The smallest difference of accuracy that you would care about, in percentage points: 0.1 is from 99.0 to 99.1 %. Less "
        "counts as practically equal.",
    )
    fourth.selectbox(
        "Judged by",
        get_args(Metric),
        help="Test accuracy: on the 10,000 images that no training has seen.",
        **fields.bound("study-metric", draft["metric"], _save_metric, argument="index", options=get_args(Metric)),
    )


def _save_metric(metric: str) -> None:
    drafts.change(metric=metric)
