"""The table of runs: one row per run, or one row for all runs that differ only in their seed."""

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mnist_lab.data import notebook
from mnist_lab.design import architecture
from mnist_lab.design.blocks import Spec
from mnist_lab.design.diff import text
from mnist_lab.design.experiment import NORMALIZATION_FIELDS, Experiment, parse
from mnist_lab.design.naming import named_json
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import NOTEBOOK_PRESETS, PRESETS
from mnist_lab.design.recipe import OPTIMIZERS, SCHEDULES, Augmentation, Recipe
from mnist_lab.results import anytime
from mnist_lab.results.spread import of_shares
from mnist_lab.store.run import Status

COLUMNS = (
    "ids name tags note curve kernel_sizes conv_layers filters parameters multiply_adds status protocol seeds n "
    "validation_accuracy validation_sd validation_low validation_high best_validation_accuracy best_epoch last_validation_accuracy "
    "last_epoch test_accuracy test_sd test_low test_high test_loss test_loss_sd seconds predicted continues owner when error "
    "archived design_key"
).split()
_MEANS = ["best_validation_accuracy", "last_validation_accuracy", "test_loss", "seconds"]
_KEPT = ["validation_accuracy", "test_accuracy"]
_DESIGN_COLUMNS = ["kernel_sizes", "conv_layers", "filters", "multiply_adds", "protocol"]
_FLOATS = [name for name in COLUMNS if name.endswith(("accuracy", "sd", "low", "high", "loss", "seconds", "epoch"))]
Fields = dict[str, Any]


@functools.lru_cache(maxsize=20_000)
def fields(experiment_json: str) -> Fields:
    """All fields of an experiment by their titles, in the editor's order: numbers as numbers, everything else as text.

    Fields of blocks are the blocks' values in order, such as `7×7, 3×3`, or a single value where all are the same. Fields
    that the experiment does not have, such as those of other optimizers, are None.
    """
    experiment = parse(Experiment, experiment_json)
    network, recipe = experiment.architecture, experiment.recipe
    found: Fields = {"Convolution blocks": len(network.blocks), "Dense blocks": len(network.head)}
    for part, declared in architecture.BLOCK_LISTS.items():
        for name, title in declared.titles.items():
            blocks = [block for block in getattr(network, part) if name in type(block).model_fields]
            values = [text(_plain(getattr(block, name))) for block in blocks]
            found[f"{declared.prefix}{title}"] = ", ".join(values if len(set(values)) > 1 else values[:1])
    found[str(architecture.Architecture.model_fields["bridge"].title)] = text(_plain(network.bridge))
    parts: list[tuple[str, Any, list[type[Spec]]]] = [
        ("Optimizer", recipe.optimizer, [*OPTIMIZERS.values()]),
        ("Schedule", recipe.schedule, [*SCHEDULES.values()]),
    ]
    for title, part, kinds in parts:
        found[title] = part.name
        for its_kind in kinds:
            for name, info in its_kind.model_fields.items():
                if name != "name":
                    found.setdefault(f"{info.title} ({title.lower()})", _plain(getattr(part, name, None)))
    for name, info in Augmentation.model_fields.items():
        found[str(info.title)] = _plain(getattr(recipe.augmentation, name))
    for name, info in Recipe.model_fields.items():
        if name not in ("optimizer", "schedule", "augmentation"):
            means_something = network.normalizes or name not in NORMALIZATION_FIELDS
            found[str(info.title)] = _plain(getattr(recipe, name)) if means_something else None
    found |= {"Protocol": str(experiment.protocol), "Training images": experiment.train_images}
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value


@functools.lru_cache(maxsize=20_000)
def _design(experiment_json: str) -> Fields:
    """The columns that all runs of a design share."""
    experiment = parse(Experiment, experiment_json)
    network = experiment.architecture
    return {
        "kernel_sizes": architecture.kernel_sizes(network),
        "conv_layers": len(network.blocks),
        "filters": architecture.filters(network),
        "multiply_adds": totals(trace(network)).multiply_adds,
        "protocol": str(experiment.protocol),
    }


def table(listing: pd.DataFrame, experiments: Mapping[str, str]) -> pd.DataFrame:
    """The table of runs with the columns `COLUMNS`: one row per run, in the order of `listing`.

    Accuracies are in 0 to 1, times are in UTC. `ids` and `seeds` are tuples of one element, `n` is 1 for a finished run and
    0 for others, and standard deviations and intervals are missing.

    Args:
        listing: the table of `store.runs.Runs.listing`.
        experiments: an experiment of each design as JSON, by design key.
    """
    designs = [_design(experiments[key]) for key in listing["design_key"]]
    columns: dict[str, Any] = {name: listing[name] for name in listing if name in COLUMNS}
    columns |= {name: [design[name] for design in designs] for name in _DESIGN_COLUMNS}
    columns["name"] = [
        named_json(name, experiments[key]) for name, key in zip(listing["name"], listing["design_key"], strict=True)
    ]
    columns |= {
        "ids": [(run_id,) for run_id in listing["id"]],
        "seeds": [(seed,) for seed in listing["seed"]],
        "n": (listing["status"] == Status.FINISHED).astype(int),
        "tags": [tuple(json.loads(tags)) for tags in listing["tags_json"]],
        "curve": [json.loads(curve) for curve in listing["curve_json"]],
        "last_epoch": listing["epochs_done"].where(listing["epochs_done"] > 0),
        "predicted": [
            None if pd.isna(low) or pd.isna(high) else f"{low:.0f} to {high:.0f} s"
            for low, high in zip(listing["predicted_low"], listing["predicted_high"], strict=True)
        ],
        "continues": [
            f"run {parent:.0f}, epoch {epoch:.0f}" if pd.notna(parent) else None
            for parent, epoch in zip(listing["parent_id"], listing["parent_epoch"], strict=True)
        ],
        "when": pd.to_datetime(
            listing["ended"].astype(float).fillna(listing["created"].astype(float)), unit="s", utc=True
        ).dt.floor("s"),
        "archived": listing["archived"].notna(),
    }
    rows = pd.DataFrame(columns, index=listing.index).reindex(columns=COLUMNS)
    return rows.astype(dict.fromkeys(_FLOATS, float)).reset_index(drop=True)


def fold_apart(rows: pd.DataFrame, owners: Collection[str]) -> pd.DataFrame:
    """As `fold`, but each of some owners has rows of their own, and all others have theirs together."""
    groups = rows["owner"].where(rows["owner"].isin(list(owners)), "")
    if groups.nunique() < 2:
        return fold(rows)
    every = pd.concat([fold(group.reset_index(drop=True)) for _, group in rows.groupby(groups, sort=False)])
    order = every["ids"].map(max).to_numpy().argsort(kind="stable")[::-1]
    return every.iloc[order].reset_index(drop=True)


def fold(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with one row for all finished runs that differ only in seed: n, means, sample standard deviations and 95 %
    intervals of means, which hold however often one looks (`anytime`) and begin at three seeds.

    A seed that was trained several times counts once, by its newest run, since a repetition is no further evidence. Runs
    that did not finish, or continue another one, keep rows of their own. Rows are in the order of their newest run.
    """
    is_finished = rows["status"] == Status.FINISHED
    finished, others = rows[is_finished], rows[~is_finished]
    if finished.empty:
        return rows
    newest = finished.drop_duplicates("design_key").set_index("design_key")
    once = finished.assign(seed=finished["seeds"].str[0]).drop_duplicates(["design_key", "seed"])
    by_design = once.groupby("design_key", sort=False)
    means, sds = by_design[_MEANS + _KEPT].mean(), by_design[[*_KEPT, "test_loss"]].std()
    folded = newest.copy()
    folded["ids"] = _gathered(finished, "ids")
    folded["seeds"] = _gathered(once, "seeds").map(lambda seeds: tuple(sorted(seeds)))
    folded["tags"] = _gathered(finished, "tags").map(lambda tags: tuple(sorted(set(tags))))
    folded["n"] = by_design.size()
    folded["curve"] = by_design["curve"].agg(_mean_curve)
    folded[_MEANS + _KEPT] = means
    folded[["validation_sd", "test_sd", "test_loss_sd"]] = sds
    for name in ("validation", "test"):
        n = by_design[f"{name}_accuracy"].count().clip(lower=1)  # of seeds whose test results may be seen
        half = anytime.half_width(n, folded[f"{name}_sd"])
        half, mean = np.where(n < anytime.least(), np.nan, half), folded[f"{name}_accuracy"]
        folded[f"{name}_low"], folded[f"{name}_high"] = of_shares(mean - half, mean + half)
    # Seeds may have different best and last epochs; these are given only where they agree.
    for name in ("best_epoch", "last_epoch"):
        folded[name] = folded[name].where(by_design[name].nunique() == 1)
    every = pd.concat([part for part in (others, folded.reset_index()[COLUMNS]) if len(part)])
    order = every["ids"].map(max).to_numpy().argsort(kind="stable")[::-1]
    return every.iloc[order].reset_index(drop=True)


def whole(rows: pd.DataFrame, fields: pd.DataFrame, first: Sequence[str] = ()) -> pd.DataFrame:
    """The table for export: `run` (the newest of a row) and `runs` replace `ids`, and all fields of the design are added.

    Args:
        rows: a table, folded or not.
        fields: the `fields` of each design, with the design key as index.
        first: columns to put first.
    """
    keyed = rows.drop(columns="ids")
    keyed.insert(0, "run", rows["ids"].str[0])
    keyed["runs"] = rows["ids"]
    return beginning_with(first, pd.concat([keyed, _fields_of(rows, fields)], axis=1))


def whole_epochs(epochs: pd.DataFrame, rows: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    """The logs of runs for export: each line with name, seed, labels and all fields of the design of its run.

    Args:
        epochs: the logs.
        rows: a table with one row per run, of all runs in the logs.
        fields: as for `whole`.
    """
    log = epochs.rename(columns={"run_id": "run"}).reset_index(drop=True)
    runs = rows.assign(run=rows["ids"].str[0], seed=rows["seeds"].str[0]).set_index("run")
    its = runs[["name", "seed", "status", "owner", "tags", "note", "design_key"]].loc[log["run"]].reset_index(drop=True)
    return pd.concat([log, its, _fields_of(its, fields)], axis=1)


def _fields_of(rows: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    return fields.loc[rows["design_key"]].set_index(rows.index)


def beginning_with(first: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns `first`, as far as it has them, before the others."""
    known = [name for name in first if name in rows]
    return rows[[*known, *(name for name in rows if name not in known)]]


def _gathered(rows: pd.DataFrame, column: str) -> pd.Series:
    """The concatenated tuples of a column, by design."""
    return rows.groupby("design_key", sort=False)[column].agg(lambda tuples: tuple(x for t in tuples for x in t))


def _mean_curve(curves: pd.Series) -> list[float]:
    """The mean of the curves where they have the same length, else the newest one."""
    first: list[float] = curves.iloc[0]
    if len(curves) == 1 or any(len(curve) != len(first) for curve in curves):
        return first
    return [float(value) for value in np.mean(list(curves), axis=0)]


def reproductions(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The finished runs of a `table` that repeat a network of the notebook with any seed, by the network's name."""
    finished = rows[rows["status"] == Status.FINISHED]
    return {name: finished[finished["design_key"] == PRESETS[name].design_key] for name in NOTEBOOK_PRESETS}


def _same_results(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """As `reproductions`, together with runs of the presets of version 0.6, all under one design key.

    The recipes of version 0.6 had no bias correction of running statistics. Without it only the validations of the first
    epochs differ; after twelve epochs the results are the same.
    """
    finished = rows[rows["status"] == Status.FINISHED]
    found = {}
    for name in NOTEBOOK_PRESETS:
        preset = PRESETS[name]
        before = preset.with_changes(recipe=preset.recipe.model_dump() | NORMALIZATION_FIELDS)
        same = finished[finished["design_key"].isin([preset.design_key, before.design_key])]
        found[name] = same.assign(design_key=preset.design_key)
    return found


def beside_notebook(rows: pd.DataFrame) -> pd.DataFrame:
    """The notebook's table beside the lab's results: the columns of `notebook.results()`, then n, our_test_accuracy,
    our_test_sd, our_test_loss and our_test_loss_sd."""
    ours = []
    for name, repeated in _same_results(rows).items():
        row: dict[str, object] = {"name": name, "n": 0}
        if len(repeated):
            first = fold(repeated).iloc[0]
            row |= {"n": first["n"]} | {
                f"our_{c}": first[c] for c in ("test_accuracy", "test_sd", "test_loss", "test_loss_sd")
            }
        ours.append(row)
    columns = ["name", "n", "our_test_accuracy", "our_test_sd", "our_test_loss", "our_test_loss_sd"]
    return notebook.results().merge(pd.DataFrame(ours, columns=columns), on="name")
