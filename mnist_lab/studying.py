"""Use cases of studies: preview, start, hold, look, delete, answer, repeat.

As in `lab`, each takes who asks, and decides here whether they may. Results of a study come out of here alone, and not while
it is sealed.
"""

import itertools
import json
from collections.abc import Callable, Iterable

import pandas as pd

from mnist_lab import starting
from mnist_lab.design.experiment import parse
from mnist_lab.errors import InputError
from mnist_lab.numerals import counted
from mnist_lab.person import Person
from mnist_lab.reader import Reader
from mnist_lab.results import prediction, receipt
from mnist_lab.results.receipt import Line, Receipt
from mnist_lab.store.runs import DELETED_DAYS
from mnist_lab.store.store import Store
from mnist_lab.store.studies import NewStudy, Planned
from mnist_lab.studies import file as files
from mnist_lab.studies import findings as findings_of_studies
from mnist_lab.studies import preview as previews
from mnist_lab.studies.cells import Cell, cells, stored
from mnist_lab.studies.file import StudyFile
from mnist_lab.studies.findings import Findings
from mnist_lab.studies.plan import MAX_RUNS, MOST_SEEDS, Plan
from mnist_lab.studies.preview import Preview
from mnist_lab.studies.study import Study
from mnist_lab.workers import plan as plan_of_workers


class Studying:
    """The use cases of studies over one store.

    Args:
        reader: what somebody may see, as `Lab.reader`.

    Raises:
        StoreError: from any method, where the database cannot be used.
        NotAllowedError: from any method, where somebody may not do it.
    """

    def __init__(self, store: Store, reader: Callable[[Person], Reader]) -> None:
        self._store = store
        self._reader = reader

    # Before it starts

    def preview(self, plan: Plan, *, by: Person) -> Preview:
        """What a plan would take, and what it would show.

        Raises:
            InputError: its cells cannot be made equal, or have too many parameters.
        """
        reader = self._reader(by)
        found = self._cells(plan)
        planned = _planned(found, _seeds(plan))
        known = self._store.studies.known(planned)
        visible = self._visible(reader, known.values())
        left = [one for one in planned if not visible.intersection(known.get(one.key, ()))]
        seconds = sum(found[one.cell].seconds for one in left) / plan_of_workers()[0]
        begun = sum(one.key in known for one in planned)
        return previews.preview(plan, found, begun, seconds, reader.table(), reader.fields)

    def fresh(self, plan: Plan, *, by: Person) -> Plan:
        """The plan with the first seed, not before its own, from which on no run of its cells was queued here.

        Raises:
            InputError: as `preview`, or there is none.
        """
        self._reader(by)
        used = self._store.studies.seeds({cell.experiment.design_key for cell in self._cells(plan)})
        first = max([plan.first_seed, *(seed + 1 for seed in used)])
        if first >= 2**31 - MOST_SEEDS:  # somebody chose a very large seed: the first gap, then
            first = next(seed for seed in itertools.count(1) if not used.intersection(range(seed, seed + plan.seeds)))
        return plan.model_copy(update={"first_seed": first})

    def start(self, plan: Plan, *, by: Person, version_of: int | None = None) -> int:
        """Freeze a plan and queue its runs, all or none; returns the study's id.

        Runs that have finished here before, and may be seen, are reused. All others wait behind everybody's own.

        Args:
            version_of: a study of one's own that this is a new version of.

        Raises:
            InputError: as `preview`; as `Lab.start_all`; or there is no such study.
        """
        reader = self._reader(by)
        if version_of is not None:
            reader.rights.must_own_study(reader.study(version_of))
        found = self._cells(plan)
        new = NewStudy(reader.rights.owner, plan.canonical_json, plan.digest, json.dumps(stored(found)), version_of)
        planned, visible = self._admitted(reader, _planned(found, _seeds(plan)))
        return self._store.studies.freeze(new, planned, visible, reader.rights.allowance)

    def repeat(self, file: StudyFile, *, by: Person) -> int:
        """Start the study of a file here: the same plan, with its digest, and the same cells; returns the study's id.

        Raises:
            InputError: as `Lab.start_all`.
        """
        reader = self._reader(by)
        found = file.read_cells()
        new = NewStudy(
            reader.rights.owner, file.plan, file.digest, json.dumps(stored(found)), repeats=file.model_dump_json()
        )
        planned, visible = self._admitted(reader, _planned(found, _seeds(file.read_plan())))
        return self._store.studies.freeze(new, planned, visible, reader.rights.allowance)

    # What there is

    def all(self, *, by: Person, deleted: bool = False) -> list[Study]:
        """The studies that somebody may see, newest first.

        Args:
            deleted: those that were deleted less than `DELETED_DAYS` days ago, and are theirs to restore, in place of the
                others.
        """
        return self._reader(by).studies(deleted=deleted)

    def get(self, study_id: int, *, by: Person) -> Study:
        """A study by its id, deleted or not.

        Raises:
            InputError: there is none, or it is not seen.
        """
        return self._reader(by).study(study_id)

    def findings(self, study_id: int, *, by: Person) -> Findings:
        """The results of a study.

        Raises:
            InputError: it is sealed, waits for the reveal of a challenge, is not there, or is not as it was frozen.
        """
        return findings_of_studies.of_study(self._store, self._unsealed(self._reader(by), study_id))

    def file(self, study_id: int, *, by: Person) -> bytes:
        """A study with the receipts of its runs, as a file from which another lab repeats it.

        Raises:
            InputError: as `findings`, or some of its runs have not ended, or one that finished has no receipt.
        """
        study = self._unsealed(self._reader(by), study_id)
        if not study.is_complete:
            raise InputError(
                f"Study {study_id}: some of its runs have not ended; its file can be written when they have."
            )
        found = findings_of_studies.of_study(self._store, study)
        return files.written(files.made(found, study.plan_json, study.looked, self._receipts(found)))

    def agreement(self, study_id: int, *, by: Person) -> str | None:
        """Whether a study agrees with the one that it repeats, in a sentence; None where it repeats none.

        Raises:
            InputError: as `findings`, but for a study that is sealed or not complete, of which nothing is told yet.
        """
        study = self._reader(by).study(study_id)
        given = self._store.studies.repeated(study.id) if study.is_repetition else None
        if given is None:
            return None
        if not study.is_complete:
            return "This study repeats one of another lab; when all its runs have ended, the two are compared."
        self._must_be_revealed(study)
        found = findings_of_studies.of_study(self._store, study)
        return files.agreement(parse(StudyFile, given), found, self._hashes(found))

    def remaining_seconds(self, study_id: int, *, by: Person) -> float:
        """Predicted seconds until all its runs have ended, if nothing else is trained."""
        reader = self._reader(by)
        return reader.seconds_left(reader.study(study_id))

    # Commands

    def look(self, study_id: int, *, by: Person) -> None:
        """Look at results before the last run has ended: from then on the study is not sealed, and its answer is by the test
        that may be looked at. No effect where it is not sealed."""
        self._store.studies.look(self._own(self._reader(by), study_id).id)

    def hold(self, study_id: int, *, by: Person) -> None:
        """Pause all its runs that wait or train."""
        study = self._own(self._reader(by), study_id)
        self._store.queue.pause(*self._store.studies.unended(study.id))

    def resume(self, study_id: int, *, by: Person) -> None:
        """Resume all its paused and interrupted runs."""
        reader = self._reader(by)
        study = self._own(reader, study_id)
        self._store.queue.resume(*self._store.studies.unended(study.id), allowance=reader.rights.allowance)

    def cancel(self, study_id: int, *, by: Person) -> None:
        """End it: what waits is cancelled, and what trains or has learnt something is stopped, which is no result."""
        study = self._own(self._reader(by), study_id)
        self._store.queue.stop(*self._store.studies.unended(study.id))

    def add_seeds(self, study_id: int, count: int, *, by: Person) -> list[int]:
        """Train every cell with so many further seeds, which is a look; returns the ids of the runs that are queued.

        Raises:
            InputError: the study is deleted or not as it was frozen, the number is impossible, or as `Lab.start_all`.
        """
        reader = self._reader(by)
        study = self._own(reader, study_id)
        if study.deleted:
            raise InputError(f"Study {study_id}: it is deleted; restore it first.")
        if not 1 <= count <= MOST_SEEDS:
            raise InputError(f"Seeds: should be from 1 to {MOST_SEEDS}; received {count}.")
        found, rows = findings_of_studies.must_be_as_frozen(self._store, study)
        last = int(rows["seed"].max())
        seeds = range(last + 1, last + 1 + count)
        runs = len(found) * (last + 1 + count - study.plan.first_seed)
        if runs > MAX_RUNS or seeds[-1] >= 2**31:
            raise InputError(
                f"Seeds: should make at most {MAX_RUNS} runs; received {counted(count, 'more seed')}, which make {runs}."
            )
        planned, visible = self._admitted(reader, _planned(found, seeds))
        return self._store.studies.extend(study.id, planned, visible, reader.rights.allowance)

    def delete(self, study_id: int, *, by: Person) -> None:
        """Delete a study with the runs that were trained for it; it can be restored for `DELETED_DAYS` days.

        Raises:
            InputError: some of its runs have not ended.
        """
        study = self._own(self._reader(by), study_id)
        if not study.is_complete:
            raise InputError(f"Study {study_id}: some of its runs have not ended; cancel it before it is deleted.")
        self._store.studies.delete(study.id)

    def restore(self, study_id: int, *, by: Person) -> None:
        """Restore a deleted study with its runs.

        Raises:
            InputError: its runs have been removed for good.
        """
        reader = self._reader(by)
        study = self._own(reader, study_id)
        if study.deleted and study.id not in {one.id for one in reader.studies(deleted=True)}:
            raise InputError(
                f"Study {study_id}: it was deleted more than {DELETED_DAYS} days ago, and its runs have been removed for good."
            )
        self._store.studies.restore(study.id)

    def _receipts(self, found: Findings) -> dict[tuple[int, int], Receipt]:
        """The receipts of the finished runs, by cell and seed."""
        ids = _finished(found)
        runs = self._store.runs.some(ids.values())
        epochs = dict(iter(self._store.runs.epochs(ids.values()).groupby("run_id")))
        none = pd.DataFrame(columns=list(Line.model_fields))
        return {
            place: receipt.make(runs[run_id], epochs.get(run_id, none), self._store.runs.probabilities(run_id))
            for place, run_id in ids.items()
        }

    def _hashes(self, found: Findings) -> dict[tuple[int, int], str]:
        """The hashes of the finished runs' predictions, by cell and seed."""
        read = {place: self._store.runs.probabilities(run_id) for place, run_id in _finished(found).items()}
        return {place: receipt.predictions_hash(its) for place, its in read.items() if its is not None}

    def _cells(self, plan: Plan) -> list[Cell]:
        predict = prediction.predictor(*starting.measured(self._store))
        return cells(plan, lambda experiment: predict(experiment).seconds)

    def _admitted(self, reader: Reader, planned: list[Planned]) -> tuple[list[Planned], set[int]]:
        """The runs with their predicted times, and the finished ones that may be reused. Raises as `starting.admitted`."""
        known = self._store.studies.known(planned)
        visible = self._visible(reader, known.values())
        left = [one for one in planned if not visible.intersection(known.get(one.key, ()))]
        predicted = starting.admitted(self._store, reader.rights, [one.experiment for one in left])
        times = {one.key: (its.low, its.high) for one, its in zip(left, predicted, strict=True)}
        with_times = [Planned(one.cell, one.experiment, times.get(one.key, (None, None))) for one in planned]
        return with_times, visible

    @staticmethod
    def _visible(reader: Reader, runs: Iterable[Iterable[int]]) -> set[int]:
        """Those of some runs that somebody sees, so that none of a sealed study is reused, none of others' by stealth, and none
        whose test results are kept until a challenge is revealed."""
        found = reader.some(run_id for its in runs for run_id in its)
        return {run.id for run in found.values() if not run.is_unrevealed}

    def _unsealed(self, reader: Reader, study_id: int) -> Study:
        study = reader.study(study_id)
        if study.is_sealed:
            raise InputError(
                f"Study {study_id}: nobody has looked at its results yet, and some of its runs have not ended; wait for them, or look "
                "deliberately."
            )
        self._must_be_revealed(study)
        return study

    def _must_be_revealed(self, study: Study) -> None:
        if self._store.studies.runs(study.id)["is_unrevealed"].any():
            raise InputError(
                f"Study {study.id}: some of its runs were queued during a challenge; its results can be seen after the teacher's "
                "reveal."
            )

    @staticmethod
    def _own(reader: Reader, study_id: int) -> Study:
        study = reader.study(study_id)
        reader.rights.must_own_study(study)
        return study


def _finished(found: Findings) -> dict[tuple[int, int], int]:
    """The finished runs, by cell and seed."""
    runs = found.runs[found.runs["test_accuracy"].notna()]
    places = zip(runs["cell"].tolist(), runs["seed"].tolist(), strict=True)
    return dict(zip(places, map(int, runs["run"]), strict=True))


def _seeds(plan: Plan) -> range:
    return range(plan.first_seed, plan.first_seed + plan.seeds)


def _planned(found: Iterable[Cell], seeds: Iterable[int]) -> list[Planned]:
    """A run for each cell and seed: seed by seed, so that a study that is cancelled has as many of each cell."""
    its = list(found)
    return [
        Planned(place, cell.experiment.model_copy(update={"seed": seed}))
        for seed in seeds
        for place, cell in enumerate(its)
    ]
