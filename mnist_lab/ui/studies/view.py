"""One study: its progress while its results are sealed, then its answer, and what can be done with it."""

import streamlit as st

from mnist_lab.errors import InputError
from mnist_lab.numerals import counted
from mnist_lab.results.files import written
from mnist_lab.store.run import Status
from mnist_lab.studies.findings import Findings, reasons
from mnist_lab.studies.study import Study
from mnist_lab.ui import confirm, heard, navigation
from mnist_lab.ui.session import act, errors_shown, lab, person, seen
from mnist_lab.ui.studies import answer, place, printing, words
from mnist_lab.ui.studies import draft as drafts
from mnist_lab.ui.text import plain, refusal

REFRESH_SECONDS = 2.0
_MOST_SEEDS_ADDED = 30
_MOST_LINKS = 30  # seeds of a level


def show(study_id: int) -> None:
    """The view of a study."""
    study = lab().studies.get(study_id, by=person())
    st.set_page_config(page_title=navigation.tab("Study", str(study.id)))
    with st.container(key="study-view"):
        place.back()
        st.header(plain(study.question), anchor=False)
        if study.deleted is not None:
            _deleted(study)
        if sentence := _agreement(lab().store.url, study.id, words.status_counts(study)):
            st.info(plain(sentence), icon=":material/compare:")
        if not study.is_complete:
            st.fragment(_progress, run_every=REFRESH_SECONDS)(study.id, _state(study))
        if not study.is_sealed:
            findings = lab().studies.findings(study.id, by=person())
            answer.show(findings, key="study")
            _out(study, findings)
        _plan(study)
        if not study.is_sealed:
            _runs(findings)
        if seen().rights.may_change(study) and study.deleted is None:
            _tools(study)


@st.cache_data(max_entries=50, show_spinner="Comparing every run with the other lab's…")
def _agreement(url: str, study_id: int, counts: words.StatusCounts) -> str | None:
    """Read once for all who may see it, until something of its runs changes: it compares all their predictions."""
    del url, counts
    return lab().studies.agreement(study_id, by=person())


def _state(study: Study) -> tuple[object, ...]:
    """What the rest of the page depends on; of a study that was looked at each further result."""
    done = 0 if study.is_sealed else words.counts(study)["done"]
    return study.is_complete, study.is_sealed, study.is_held, study.is_ending, study.deleted, done


def _deleted(study: Study) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning("This study is deleted; its runs are in no table.", icon=":material/delete:")
        if seen().rights.may_change(study):
            st.button(
                "Restore",
                icon=":material/restore_from_trash:",
                key="restore-study",
                on_click=act,
                args=(lab().studies.restore, study.id),
            )


@errors_shown()
def _progress(study_id: int, shown: tuple[object, ...]) -> None:
    """How far it is; drawn again by itself. When something ends that the rest of the page depends on, all of it is."""
    study = lab().studies.get(study_id, by=person())
    if _state(study) != shown:
        st.rerun()
    ended, every = words.ended(study)
    counts = words.counts(study)
    _, state = words.state(study)
    seconds = lab().studies.remaining_seconds(study.id, by=person())
    left = "the last are being stopped" if study.is_ending else words.time_left(seconds)
    with st.container(key="study-progress", gap="small"):
        st.progress(ended / every if every else 1.0, text=f"{ended} of {counted(every, 'run')} ended, {left}")
        with st.container(horizontal=True, gap="small", key="study-counts"):
            for name, count in counts.items():
                st.metric(name.capitalize(), f"{count}")
            st.metric("State", state.split(",", maxsplit=1)[0].capitalize())
        if study.is_sealed:
            st.markdown(
                ":material/lock: The results are sealed until the last run has ended: nobody can see them, so nobody can stop or add "
                "at a moment that happens to suit. That is what makes the answer hold."
            )
        else:
            st.markdown(
                f":material/visibility: {plain(study.why_looked)} The answer below grows with each further run."
            )
    heard.say(f"{ended} of {every} runs ended", "study-progress-heard")


def _plan(study: Study) -> None:
    """What was decided before the first run."""
    with st.container(key="study-plan"):
        st.subheader("What was planned", anchor=False)
        facts = words.facts(study.plan) | {"Frozen": words.frozen(study.digest, study.frozen)}
        if study.version_of is not None:
            facts["Version of"] = f"study {study.version_of}, whose comparisons count too"
        words.listed(facts)


def _out(study: Study, findings: Findings) -> None:
    """What one takes away: files, and the page itself."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tools-study-out"):
        st.download_button(
            "CSV of runs",
            lambda: written(findings.table(), "CSV"),
            f"mnist-lab-study-{study.id}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        if study.is_complete:
            _file(study)
        printing.button()


def _file(study: Study) -> None:
    """The study as a file, which is made when somebody wants it."""
    with st.popover("Study file", icon=":material/receipt_long:", key="study-out", on_change="rerun") as opened:
        if not opened.open:
            return
        st.caption(
            "The plan with its hash, and the receipts of all runs (JSON). Another lab repeats it from this file, and is told whether "
            "it agrees."
        )
        try:
            data = lab().studies.file(study.id, by=person())
        except InputError as error:
            refusal(error)
            return
        st.download_button(
            f"Download, {len(data) / 1e6:.1f} MB",
            data,
            f"mnist-lab-study-{study.id}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def _runs(findings: Findings) -> None:
    """Links to its runs, a line for each level."""
    runs = findings.runs
    with st.expander("Its runs", key="study-runs", on_change="rerun", icon=":material/list:") as opened:
        if not opened.open:
            return
        for number, cell in enumerate(findings.cells):
            its = runs[(runs["cell"] == number) & runs["run"].notna()]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(', '.join(cell.levels))}**", width="content")
                for seed, run in list(zip(its["seed"], its["run"], strict=True))[:_MOST_LINKS]:
                    st.page_link(navigation.RUN.script, label=f"seed {seed}", query_params={"run": str(int(run))})
                if its.empty:
                    st.caption("No run yet.", width="content")


def _tools(study: Study) -> None:
    """What its owner can do with it."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="tools-study"):
        if not (study.is_complete or study.is_ending):
            _commands(study)
        if st.button(
            "New version",
            icon=":material/fork_right:",
            key="study-version",
            help="Opens the plan, to be changed and started anew. The comparisons of all versions count together, so its answer is judged more strictly.",
        ):
            drafts.open_plan(study.plan, version_of=study.id)
            place.go(place.PLAN)
        if study.is_complete:
            _add_seeds(study)
            confirm.button(
                "Delete",
                "Delete this study?",
                icon=":material/delete:",
                key="delete-study",
                on_click=act,
                args=(lab().studies.delete, study.id),
                help="With the runs that were trained for it. It can be restored from the list of studies for seven days, and its "
                "comparisons still count for later versions.",
            )
    if study.is_sealed:
        _look(study)


def _commands(study: Study) -> None:
    if study.is_held or study.counts.get(Status.INTERRUPTED):
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key="study-resume",
            on_click=act,
            args=(lab().studies.resume, study.id),
            help="Its runs wait for their turn again, behind people's own.",
        )
    if study.counts.get(Status.QUEUED) or study.counts.get(Status.RUNNING):
        st.button(
            "Hold",
            icon=":material/pause:",
            key="study-hold",
            on_click=act,
            args=(lab().studies.hold, study.id),
            help="Holds all its runs; resumed, they come to the same results.",
        )
    confirm.button(
        "End it",
        "End this study?",
        icon=":material/stop:",
        key="study-end",
        on_click=act,
        args=(lab().studies.cancel, study.id),
        help="What waits is cancelled, and what trains is stopped: these runs stay without a result, and the answer says so.",
    )


def _add_seeds(study: Study) -> None:
    count = int(st.number_input("More seeds of each", 1, _MOST_SEEDS_ADDED, 5, key="study-more-seeds", width=150))
    cells = len(study.plan.combinations)
    seeds = sum(study.counts.values()) // cells + count
    costs = (
        "The answer is from the test that allows for that already."
        if reasons(study)
        else "Whoever adds seeds has seen the answer, so from then on it is judged, for good, by a test that allows for that. "
        f"{words.wider(study.plan, seeds)}"
    )
    confirm.button(
        "Add seeds",
        f"Add {counted(count, 'seed')} of each?",
        icon=":material/queue:",
        key="study-add-seeds",
        on_click=act,
        args=(lab().studies.add_seeds, study.id, count),
        help=f"Trains {counted(cells * count, 'more run')}. {costs}",
    )


def _look(study: Study) -> None:
    """Breaking the seal, apart from everything else."""
    why = reasons(study)
    costs = f"It will be from that test anyway. {' '.join(why)}" if why else words.wider(study.plan, study.plan.seeds)
    with st.container(border=True, key="tools-study-look"):
        st.markdown(":material/lock_open: **Look before the end**")
        st.markdown(
            "Nothing is lost by waiting. Whoever looks now can stop or go on depending on what they see, and a test that does not "
            "know about it would find differences that are not there. So the answer will be, for good, from a test that allows for "
            f"looking, and the page will say that somebody looked. {plain(costs)}"
        )
        confirm.button(
            "Look now …",
            "Look, and have wider intervals for good?",
            icon=":material/visibility:",
            key="study-look",
            on_click=act,
            args=(lab().studies.look, study.id),
        )
