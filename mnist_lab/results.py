"""The table of runs: one row a run, or one row for all runs that differ only in seed."""

from collections.abc import Iterable

import pandas as pd

from mnist_lab import architecture, notebook
from mnist_lab.experiment import Status
from mnist_lab.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.store import Run

COLUMNS = (
    "ids name kernel_sizes conv_layers filters parameters status protocol seeds n "
    "validation_accuracy validation_sd best_validation_accuracy best_epoch last_validation_accuracy last_epoch "
    "test_accuracy test_sd test_loss test_loss_sd seconds predicted continues when error design_key"
).split()
_MEANS = ["best_validation_accuracy", "last_validation_accuracy", "test_loss", "seconds"]


def table(runs: Iterable[Run]) -> pd.DataFrame:
    """One row a run, in the order given, with the columns `COLUMNS`; accuracies are shares of 1, times are UTC.

    `ids` and `seeds` are tuples of one, `n` is 1 for a finished run and 0 for any other; spreads are missing.
    """
    rows = []
    for run in runs:
        network = run.experiment.architecture
        rows.append(
            {
                "ids": (run.id,),
                "name": run.name,
                "kernel_sizes": architecture.kernel_sizes(network),
                "conv_layers": len(network.blocks),
                "filters": architecture.filters(network),
                "parameters": run.parameters,
                "status": str(run.status),
                "protocol": str(run.experiment.protocol),
                "seeds": (run.experiment.seed,),
                "n": int(run.status is Status.FINISHED),
                "validation_accuracy": run.validation_accuracy,
                "best_validation_accuracy": run.best_validation_accuracy,
                "best_epoch": run.best_epoch,
                "last_validation_accuracy": run.last_validation_accuracy,
                "last_epoch": run.epochs_done or None,
                "test_accuracy": run.test_accuracy,
                "test_loss": run.test_loss,
                "seconds": run.seconds,
                "predicted": _range(run.predicted_low, run.predicted_high),
                "continues": f"run {run.parent_id}, epoch {run.parent_epoch}" if run.parent_id else None,
                "when": pd.Timestamp(run.ended or run.created, unit="s", tz="UTC").floor("s"),
                "error": run.error,
                "design_key": run.design_key,
            }
        )
    numbers = [name for name in COLUMNS if name.endswith(("accuracy", "sd", "loss", "seconds", "epoch"))]
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(numbers, float))


def _range(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.0f} to {high:.0f} s"


def fold(rows: pd.DataFrame) -> pd.DataFrame:
    """Finished runs that differ only in seed as one row: n, means and sample standard deviations.

    A seed trained twice counts once, with its newest run: the same training again is no further evidence. Runs that
    did not finish keep a row of their own and enter no mean. Rows keep the order of their newest run.
    """
    finished = rows[rows["status"] == Status.FINISHED]
    folded = [_folded(group) for _, group in finished.groupby("design_key", sort=False)]
    others = rows[rows["status"] != Status.FINISHED]
    every = pd.concat([others, pd.DataFrame(folded, columns=COLUMNS)]) if folded else others
    newest = every["ids"].map(max) if len(every) else every["n"]
    return every.loc[newest.sort_values(ascending=False).index].reset_index(drop=True)


def _folded(group: pd.DataFrame) -> pd.Series:
    row = group.iloc[0].copy()
    row["ids"] = tuple(run_id for ids in group["ids"] for run_id in ids)
    once = group.drop_duplicates("seeds")
    row["seeds"] = tuple(sorted(seed for seeds in once["seeds"] for seed in seeds))
    row["n"] = len(once)
    for name in _MEANS:
        row[name] = once[name].mean()
    for name, spread in (("validation_accuracy", "validation_sd"), ("test_accuracy", "test_sd")):
        row[name], row[spread] = once[name].mean(), once[name].std()
    row["test_loss_sd"] = once["test_loss"].std()
    if len(once) > 1:
        # Each seed has a best and a last epoch of its own: give the epoch only where they agree.
        for name in ("best_epoch", "last_epoch"):
            row[name] = row[name] if once[name].nunique() == 1 else None
    return row


def reproductions(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """For each of the notebook's networks, the finished runs that repeat it exactly but for the seed."""
    keys = {PRESETS[name].design_key: name for name in NOTEBOOK_PRESETS}
    found: dict[str, list[Run]] = {name: [] for name in NOTEBOOK_PRESETS}
    for run in runs:
        if run.status is Status.FINISHED and run.design_key in keys:
            found[keys[run.design_key]].append(run)
    return found


def beside_notebook(runs: Iterable[Run]) -> pd.DataFrame:
    """The notebook's table with ours beside it.

    Columns of `notebook.results()`, then n, our_test_accuracy, our_test_sd, our_test_loss, our_test_loss_sd.
    """
    ours = []
    for name, repeated in reproductions(runs).items():
        folded = fold(table(repeated))
        row: dict[str, object] = {"name": name, "n": 0}
        if len(folded):
            first = folded.iloc[0]
            row |= {"n": first["n"]} | {
                f"our_{c}": first[c] for c in ("test_accuracy", "test_sd", "test_loss", "test_loss_sd")
            }
        ours.append(row)
    columns = ["name", "n", "our_test_accuracy", "our_test_sd", "our_test_loss", "our_test_loss_sd"]
    return notebook.results().merge(pd.DataFrame(ours, columns=columns), on="name")
