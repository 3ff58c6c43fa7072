"""What a study's answer rests on: its plan, its cells and their results, whether of this lab or of a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.errors import DIVERGED, InputError
from mnist_lab.numerals import counted
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies import answer as answers
from mnist_lab.studies.answer import Answer
from mnist_lab.studies.cells import Cell, read_cells
from mnist_lab.studies.plan import Plan
from mnist_lab.studies.statistics import Levels, planned
from mnist_lab.studies.study import Study, read

COLUMNS = ("cell", "seed", "run", "status", "test_accuracy", "validation_accuracy", "seconds", "is_diverged")
_PENDING = (Status.QUEUED, Status.PAUSED, Status.INTERRUPTED)
REMOVED = "removed"  # what stands for the status of a run that is not there any more


@dataclass(frozen=True)
class Findings:
    """A frozen study with its results.

    Attributes:
        digest: SHA-256 of the plan's text, in hexadecimal.
        frozen: when it was, in seconds since 1970 (UTC).
        cells: in the order of the plan's combinations; their predicted seconds are those of the start.
        runs: a row for each planned run, with the columns `COLUMNS`, by cell and seed. `cell` is an index into `cells`, `run`
            the run's id, missing where it is of another lab; accuracies are shares, and missing where there is no result.
        is_unseen: whether the number of seeds was fixed before the first run, and nobody has looked since.
        why_seen: if not, the reason in sentences; else empty.
        among: how many comparisons all versions of the study have together.
    """

    plan: Plan
    digest: str
    frozen: float
    cells: tuple[Cell, ...]
    runs: pd.DataFrame
    is_unseen: bool
    why_seen: str
    among: int

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """The levels of each factor as they are shown, by its title."""
        return {factor.title: factor.texts for factor in self.plan.factors}

    @property
    def accuracies(self) -> dict[Levels, dict[int, float]]:
        """The plan's metric, a share, by a cell's levels and seed; cells without results are empty."""
        column = self.plan.metric.replace(" ", "_")
        found: dict[Levels, dict[int, float]] = {cell.levels: {} for cell in self.cells}
        known = self.runs[self.runs[column].notna()]
        for cell, seed, value in zip(known["cell"], known["seed"], known[column], strict=True):
            found[self.cells[cell].levels][int(seed)] = float(value)
        return found

    @property
    def diverged(self) -> dict[Levels, set[int]]:
        """The seeds whose training diverged, by a cell's levels."""
        found: dict[Levels, set[int]] = {}
        known = self.runs[self.runs["is_diverged"]]
        for cell, seed in zip(known["cell"], known["seed"], strict=True):
            found.setdefault(self.cells[cell].levels, set()).add(int(seed))
        return found

    @property
    def has_ended(self) -> bool:
        """Whether no run waits or trains any more, so that there will be no more results."""
        return not self.runs["status"].isin([Status.RUNNING, *_PENDING]).any()

    def answer(self) -> Answer:
        """The study's answer, as far as there are results."""
        found = answers.answer(
            self.factors,
            planned(self.factors, self.plan.reference),
            self.accuracies,
            self.diverged,
            matters=self.plan.matters,
            is_unseen=self.is_unseen,
            why_seen=self.why_seen,
            what=self.plan.metric,
            among=self.among,
        )
        return replace(found, warning=f"{self._missing()} {found.warning}".strip())

    def table(self) -> pd.DataFrame:
        """The results for export: a row for each run, with a column for each factor, then seed, run, status, accuracies (shares),
        measured seconds, parameters, and multiply-adds of training."""
        rows = self.runs.reset_index(drop=True)
        cells = [self.cells[int(cell)] for cell in rows["cell"]]
        levels = {title: [cell.levels[place] for cell in cells] for place, title in enumerate(self.factors)}
        costs = {name: [getattr(cell, name) for cell in cells] for name in ("parameters", "multiply_adds")}
        shown = rows[["seed", "run", "status", "test_accuracy", "validation_accuracy", "seconds"]]
        return pd.concat([pd.DataFrame(levels, index=rows.index), shown, pd.DataFrame(costs, index=rows.index)], axis=1)

    def _missing(self) -> str:
        """How many planned runs have no result, in a sentence; empty where all have one, divergence included."""
        without = self.runs[self.runs["test_accuracy"].isna() & ~self.runs["is_diverged"]]
        if without.empty:
            return ""
        counts = [f"{count} {status}" for status, count in without["status"].value_counts().items()]
        have = "has" if len(without) == 1 else "have"
        return f"Of {counted(len(self.runs), 'planned run')} {len(without)} {have} no result ({', '.join(counts)})."


def of_study(store: Store, study: Study) -> Findings:
    """The findings of a study of the store.

    Raises:
        InputError: the study is not as it was frozen; says in what.
    """
    cells, rows = must_be_as_frozen(store, study)
    why = " ".join(reasons(study))
    return Findings(
        study.plan,
        study.digest,
        study.frozen,
        cells,
        table({str(name): value for name, value in row.items()} for row in rows.to_dict("records")),
        is_unseen=not why,
        why_seen=why,
        among=_among(store, study) if why else comparisons(study.plan),
    )


def must_be_as_frozen(store: Store, study: Study) -> tuple[tuple[Cell, ...], pd.DataFrame]:
    """The cells of a study, and its runs as of `store.studies.Studies.runs`.

    Raises:
        InputError: its plan, its cells or the designs of its runs are not those that were frozen.
    """
    if not study.is_as_frozen:
        raise InputError(
            f"Study {study.id}: its plan has been changed since it was frozen (the digest is another), so there is no answer; "
            "start it anew."
        )
    try:
        cells = read_cells(study.plan, study.cells_json)
    except InputError as error:
        raise InputError(
            f"Study {study.id}: its cells have been changed since they were frozen, so there is no answer. {error}"
        ) from None
    rows = store.studies.runs(study.id)
    _check_runs(store, study, cells, rows)
    return cells, rows


def comparisons(plan: Plan) -> int:
    """How many comparisons a plan fixes."""
    return len(planned({factor.title: factor.texts for factor in plan.factors}, plan.reference))


def table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Rows of runs in the form of `Findings.runs`. Only a finished run has a result; whether a failed one diverged is told by
    its `error`, unless `is_diverged` says it."""
    found = []
    for row in rows:
        status = row["status"] if isinstance(row["status"], str) else REMOVED
        is_finished = status == Status.FINISHED
        error = row.get("error")
        is_diverged = row.get("is_diverged", isinstance(error, str) and error.startswith(DIVERGED))
        results = {
            name: row[name] if is_finished else None for name in ("test_accuracy", "validation_accuracy", "seconds")
        }
        kept = {"cell": row["cell"], "seed": row["seed"], "run": row["run"], "status": status}
        found.append(kept | results | {"is_diverged": status == Status.FAILED and bool(is_diverged)})
    types: dict[str, Any] = dict.fromkeys(("test_accuracy", "validation_accuracy", "seconds"), float)
    types |= {"cell": int, "seed": int, "run": "Int64", "is_diverged": bool}
    return pd.DataFrame(found, columns=list(COLUMNS)).astype(types).sort_values(["cell", "seed"], ignore_index=True)


def check_planned(plan: Plan, cells: Sequence[Cell], pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether runs, given by cell and seed, have seeds beyond those that were planned.

    Raises:
        InputError: one is of no cell or there twice, or a planned one is missing.
    """
    if len(set(pairs)) < len(pairs):
        raise InputError("Runs: each cell should have a seed once; received one twice.")
    strange = next((cell for cell, _ in pairs if not 0 <= cell < len(cells)), None)
    if strange is not None:
        raise InputError(f"Runs: there are cells 0 to {len(cells) - 1}; received a run of cell {strange}.")
    seeds = range(plan.first_seed, plan.first_seed + plan.seeds)
    given = set(pairs)
    for cell in range(len(cells)):
        for seed in seeds:
            if (cell, seed) not in given:
                raise InputError(f"Runs: seed {seed} of {', '.join(cells[cell].levels)} was planned; it is missing.")
    return any(seed not in seeds for _, seed in pairs)


def _check_runs(store: Store, study: Study, cells: Sequence[Cell], rows: pd.DataFrame) -> None:
    """Raises InputError where a run is not its cell's design with its seed, or the runs are not those that were planned."""
    pairs = list(zip(rows["cell"].tolist(), rows["seed"].tolist(), strict=True))
    try:
        has_more = check_planned(study.plan, cells, pairs)
    except InputError as error:
        raise InputError(
            f"Study {study.id}: its runs are not those that were frozen, so there is no answer. {error}"
        ) from None
    if has_more and study.looked is None:
        raise InputError(f"Study {study.id}: it has seeds that were not planned, so there is no answer.")
    keys = [cell.experiment.design_key for cell in cells]
    there = rows[rows["run"].notna()]
    trained = store.runs.some(int(run) for run in there["run"])
    for cell, seed, run_id in zip(there["cell"], there["seed"], there["run"], strict=True):
        run = trained.get(int(run_id))
        if run is None:
            continue
        experiment = parse(Experiment, run.experiment_json)
        is_its = experiment.design_key == run.design_key == keys[cell]
        if not is_its or experiment.seed != seed or run.seed != seed:
            raise InputError(
                f"Study {study.id}: run {run.id} is not the design of its cell with seed {seed}, so there is no answer; "
                "it has been changed since the study was frozen."
            )


def reasons(study: Study) -> list[str]:
    """Why the study is judged as seen, in sentences."""
    reasons = []
    if study.version_of is not None:
        reasons.append(f"It is a new version of study {study.version_of}.")
    if study.is_repetition:
        reasons.append("It repeats a study whose results were known.")
    if study.reused:
        trained = "1 of its runs had" if study.reused == 1 else f"{study.reused} of its runs had"
        reasons.append(f"{trained} been trained here before it was frozen.")
    if study.why_looked:
        reasons.append(study.why_looked)
    elif study.looked is not None:
        reasons.append("Somebody looked at its results.")
    return reasons


def _among(store: Store, study: Study) -> int:
    """The comparisons of all versions of a study together."""
    counts = [comparisons(read(one).plan) for one in store.studies.versions(study.id)]
    return max(sum(counts), comparisons(study.plan))
