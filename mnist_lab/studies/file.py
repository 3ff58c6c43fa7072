"""A study as a file: its frozen plan and cells, and a receipt of each run, from which another lab reads and repeats it."""

import hashlib
import json
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

import mnist_lab
from mnist_lab.design.blocks import Spec, not_newer
from mnist_lab.design.experiment import parse, parse_foreign
from mnist_lab.errors import InputError
from mnist_lab.numerals import counted
from mnist_lab.results.receipt import Receipt
from mnist_lab.studies.cells import Cell, StoredCell, read_cells, stored
from mnist_lab.studies.findings import Findings, check_planned, comparisons, table
from mnist_lab.studies.plan import MAX_PLAN, MAX_RUNS, Plan, read_plan

FORMAT = 1
MAX_BYTES = 20_000_000
_MOST_NAMED = 3  # comparisons in a sentence
_Ended = Literal["finished", "stopped", "cancelled", "failed", "removed"]


class FileRun(Spec):
    """A planned run in a study file.

    Attributes:
        cell: index of its cell.
        receipt: of a finished run, else None.
    """

    cell: int = Field(ge=0, lt=MAX_RUNS)
    seed: int = Field(ge=0, lt=2**31)
    status: _Ended
    is_diverged: bool = False
    receipt: Receipt | None = None


class StudyFile(Spec):
    """A study of this lab or another as a file.

    Attributes:
        format: raised when fields or values are added that an older lab would refuse or misread.
        lab: the version that wrote it.
        plan: the text of which `digest` is the SHA-256, in hexadecimal.
        frozen: when it was, in seconds since 1970 (UTC).
        looked: when somebody looked before the last run had ended, or seeds were added; None where nobody did.
        why_seen: why the number of seeds does not count as fixed before anything was seen, in sentences; else empty.
        among: how many comparisons all versions of the study had together.
    """

    kind: Literal["mnist-lab study file"] = "mnist-lab study file"
    format: Annotated[int, not_newer("study file", FORMAT)] = Field(default=FORMAT, ge=1)
    lab: str = Field(max_length=40)
    plan: str = Field(max_length=MAX_PLAN)
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    frozen: float = Field(ge=0, lt=1e11)
    cells: tuple[StoredCell, ...] = Field(max_length=MAX_RUNS)
    looked: Annotated[float, Field(ge=0, lt=1e11)] | None = None
    why_seen: str = Field(default="", max_length=2000)
    among: int = Field(ge=1, le=100_000)
    runs: tuple[FileRun, ...] = Field(max_length=MAX_RUNS)

    @field_validator("lab", "why_seen")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("should be a line of text that can be seen; received other characters")
        return value

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = hashlib.sha256(self.plan.encode(errors="surrogatepass")).hexdigest()
        if found != self.digest:
            raise ValueError(
                f"Digest: the plan's is {found[:12]}…, and the file says {self.digest[:12]}…; the plan has been changed"
            )
        try:
            plan = self.read_plan()
            cells = self.read_cells()
            has_more = check_planned(plan, cells, [(run.cell, run.seed) for run in self.runs])
        except InputError as error:
            raise ValueError(str(error)) from None
        if not self.why_seen and (has_more or self.looked is not None or self.among != comparisons(plan)):
            raise ValueError(
                "Why seen: should be given where somebody looked, seeds were added or there are other versions; received none"
            )
        if self.among < comparisons(plan):
            raise ValueError(f"Among: should be at least the plan's {comparisons(plan)}; received {self.among}")
        for run in self.runs:
            _check_run(run, cells[run.cell])
        return self

    def read_plan(self) -> Plan:
        """Its plan. Raises InputError where the text is none, which it is not in a file that was read."""
        return read_plan(self.plan)

    def read_cells(self) -> tuple[Cell, ...]:
        """Its cells. Raises InputError where they are not the plan's, as `read_plan`."""
        return read_cells(self.read_plan(), self.cells)

    def findings(self) -> Findings:
        """What its answer rests on. The runs are another lab's, so they have no ids."""
        rows = []
        for run in self.runs:
            row = {
                "cell": run.cell,
                "seed": run.seed,
                "run": None,
                "status": run.status,
                "is_diverged": run.is_diverged,
            }
            metrics = run.receipt.metrics if run.receipt else None
            results = ("test_accuracy", "validation_accuracy", "seconds")
            rows.append(row | {name: getattr(metrics, name, None) for name in results})
        return Findings(
            self.read_plan(),
            self.digest,
            self.frozen,
            self.read_cells(),
            table(rows),
            is_unseen=not self.why_seen,
            why_seen=self.why_seen,
            among=self.among,
        )


def _check_run(run: FileRun, cell: Cell) -> None:
    where = f"Seed {run.seed} of {', '.join(cell.levels)}"
    if (run.receipt is None) == (run.status == "finished"):
        raise ValueError(f"{where}: should have a receipt if it finished, and only then; it is {run.status}")
    if run.is_diverged and run.status != "failed":
        raise ValueError(f"{where}: a run that diverged should have failed; received {run.status}")
    if run.receipt is None:
        return
    experiment = run.receipt.experiment
    if experiment.design_key != cell.experiment.design_key or experiment.seed != run.seed:
        raise ValueError(f"{where}: its receipt is of another design or seed")


def made(
    found: Findings, plan_json: str, looked: float | None, receipts: Mapping[tuple[int, int], Receipt]
) -> StudyFile:
    """The file of a study.

    Args:
        plan_json: the text of its plan, as it was frozen.
        looked: when somebody looked, or None.
        receipts: of the finished runs, by cell and seed.
    """
    columns = [found.runs[name].tolist() for name in ("cell", "seed", "status", "is_diverged")]
    runs = [
        {"cell": cell, "seed": seed, "status": status, "is_diverged": lost, "receipt": receipts.get((cell, seed))}
        for cell, seed, status, lost in zip(*columns, strict=True)
    ]
    return parse(
        StudyFile,
        {
            "lab": mnist_lab.__version__,
            "plan": plan_json,
            "digest": found.digest,
            "frozen": found.frozen,
            "cells": stored(found.cells),
            "looked": looked,
            "why_seen": found.why_seen,
            "among": found.among,
            "runs": runs,
        },
    )


def written(file: StudyFile) -> bytes:
    """The bytes of a file: JSON."""
    return json.dumps(file.model_dump(mode="json"), indent=1).encode()


def read(data: bytes | str) -> StudyFile:
    """The study in a file from elsewhere.

    Raises:
        InputError: it is larger than 20 MB, is not a study file, or says what cannot be: its plan is not the one of its
            digest, cells or runs are not the plan's; one sentence on the first problem.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"Study: a file is at most {MAX_BYTES // 1_000_000} MB; received more.")
    return parse_foreign(StudyFile, data)


def agreement(file: StudyFile, found: Findings, hashes: Mapping[tuple[int, int], str]) -> str:
    """Whether a study that was repeated agrees with its file, in a sentence or two.

    It does where all runs that both have give the same predictions to the bit, or where for each comparison the two
    simultaneous intervals overlap.

    Args:
        found: of the repetition.
        hashes: of its finished runs' predictions, by cell and seed, as of `receipt.predictions_hash`.
    """
    theirs = {(run.cell, run.seed): run.receipt.predictions_sha256 for run in file.runs if run.receipt}
    both = theirs.keys() & hashes.keys()
    same = sum(theirs[place] == hashes[place] for place in both)
    if not both:
        return "Not compared: there is no run that has finished in both labs."
    runs = counted(len(both), "run")
    if same == len(both):
        return f"Agrees to the bit: of {runs} that finished in both labs, each gives the same predictions for the 10,000 test images."
    there, here = (one.answer().comparisons for one in (file.findings(), found))
    apart = []
    for (_, a), (_, b) in zip(there.iterrows(), here.iterrows(), strict=True):
        if a["low"] > b["high"] or b["low"] > a["high"]:
            intervals = [f"{_points(one['low'])} to {_points(one['high'])}" for one in (a, b)]
            apart.append(f"{a['first']} against {a['second']} ({intervals[0]} points there, {intervals[1]} here)")
    bits = f"{same} of {runs} that finished in both labs {'is' if same == 1 else 'are'} the same to the bit"
    count = counted(len(there), "comparison")
    if not apart:
        return f"Agrees: for {'each of ' if len(there) > 1 else ''}{count} the two intervals overlap; {bits}."
    more = f", and {len(apart) - _MOST_NAMED} more" if len(apart) > _MOST_NAMED else ""
    return f"Does not agree: of {count} {len(apart)} {'has' if len(apart) == 1 else 'have'} intervals that do not overlap: {'; '.join(apart[:_MOST_NAMED])}{more}. {bits[:1].upper()}{bits[1:]}."


def _points(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−") if isfinite(share) else "any"
