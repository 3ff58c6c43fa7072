"""The complete benchmark: its figures as plain data, and as tables."""

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Group
from rich.table import Table

import mnist_lab
from mnist_lab.bench import latency, training
from mnist_lab.machine import cores, memory

_BACKEND_NAMES = {"lab": "the lab", "fit": "Keras fit", "torch": "PyTorch eager"}


def run(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Run all benchmarks.

    Args:
        quick: with fewer repetitions, in less than ten minutes on two cores.
        say: called with a phrase about what is being measured.

    Raises:
        EngineError: a process fails or takes too long.
    """
    rounds, images = (3, 20_000) if quick else (5, 60_000)
    figures: dict[str, Any] = {"machine": machine(), "quick": quick}
    figures |= training.run(cores(), rounds, images, say)
    figures["budgets"] = latency.budgets(quick, say)
    notebook = figures["presets"]["7x7"]["fit_seconds_per_epoch"]
    for budget in figures["budgets"].values():
        budget["notebook_epochs"] = budget["seconds"] / notebook
    figures["training"] = latency.training(1 if quick else 3, say)
    figures["side_by_side"] = latency.side_by_side(*((1, 4, 20_000, 1) if quick else (3, 4, 60_000, 1)), say)
    figures["first_page"] = latency.first_page(2 if quick else 3, say)
    figures["pages"] = latency.pages(20 if quick else 60, 10, say)
    figures["design_change_ms"] = latency.design(30 if quick else 100, say)
    return figures


def machine() -> dict[str, Any]:
    """The machine and the versions that the figures were measured with, and the date."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_gb": round(memory() / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "lab": mnist_lab.__version__,
        **{name: _version(name) for name in ("tensorflow", "keras", "torch", "streamlit")},
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    from mnist_lab.training.runtime import cpu_name

    return cpu_name()


def tables(figures: dict[str, Any]) -> Group:
    """The figures as tables."""
    return Group(_training(figures), _same(figures), _budgets(figures), _waits(figures))


def _training(figures: dict[str, Any]) -> Table:
    peak = figures["matmul_gflops"]
    table = Table(
        *(
            "preset",
            "by",
            "s per epoch: median (min to max)",
            "time relative to the lab",
            "images/s",
            "GFLOP/s",
            "of matmul",
        ),
        title="Training, same networks, batches of 128",
        caption=f"A matrix multiplication reached {min(peak):.0f} to {max(peak):.0f} GFLOP/s in the same run. The operations of a "
        "network are those of direct convolutions; for large kernels the lab needs fewer.",
    )
    for name, found in figures["presets"].items():
        for backend, words in _BACKEND_NAMES.items():
            one = found.get(backend)
            if one is None:
                continue
            ratios = found.get(f"speedups_over_{backend}")
            times = f"{found[f'speedup_over_{backend}']:.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
            share = f"{found['share_of_matmul_peak']:.0%}" if backend == "lab" else ""
            seconds = _text(one["seconds_per_epoch"])
            table.add_row(name, words, seconds, times, f"{one['images_per_second']:.0f}", f"{one['gflops']:.0f}", share)
    return table


def _same(figures: dict[str, Any]) -> Table:
    table = Table(
        *("preset", "by", "difference in loss, no dropout", "test accuracy: mean (sd)", "seeds"),
        title="Check that all do the same work",
    )
    for name, found in figures["presets"].items():
        for backend, words in _BACKEND_NAMES.items():
            one, same = found.get(backend), found["same_work"].get(backend)
            if one is None:
                continue
            apart = f"{same['loss_apart']:.5f} over {same['batches']} batches" if same else ""
            table.add_row(
                name, words, apart, f"{one['accuracy_mean']:.3f} ({one['accuracy_sd']:.3f})", str(one["rounds"])
            )
    return table


def _budgets(figures: dict[str, Any]) -> Table:
    table = Table(
        *("preset", "parameters", "epochs", "s of training, alone", "in epochs of 7x7 by Keras fit"),
        title="Presets for a given time or size",
    )
    for name, found in figures["budgets"].items():
        predicted = "" if found["epochs_trained"] == found["epochs"] else f", predicted from {found['epochs_trained']}"
        row = (f"{found['parameters']:,}", f"{found['epochs']}{predicted}", f"{found['seconds']:.1f}")
        table.add_row(name, *row, f"{found['notebook_epochs']:.2f}")
    return table


def _waits(figures: dict[str, Any]) -> Table:
    table = Table("what", "figure", title="Waiting times and their costs")
    first, page, side = figures["training"], figures["pages"], figures["side_by_side"]
    opened = figures["first_page"]
    table.add_row("start of a worker until it is warm, s", _text(first["warm_start_seconds"]))
    table.add_row("from Train to the first point, s", _text(first["train_to_first_point_seconds"]))
    table.add_row("the same for another seed of a design, s", _text(first["train_again_to_first_point_seconds"]))
    table.add_row("share of training time spent on reports", _text(first["reporting_share"], ".2%"))
    for name, ratio in side["speedup_of_two_workers"].items():
        by = side["runs_per_minute"][name]
        table.add_row(
            f"{name}: runs per minute with one worker, two, ratio", f"{by['1']:.1f}, {by['2']:.1f}, {_text(ratio)}"
        )
    table.add_row("memory of another worker, MB", _text(side["megabytes_of_a_further_worker"], ".0f"))
    table.add_row("first page of a fresh server, s", _text(opened["first_page_seconds"]))
    table.add_row("first page of an empty Streamlit app, s", _text(opened["empty_app_first_page_seconds"]))
    for name, one in page["rerun_ms"].items():
        table.add_row(f"rerun of {name}, ms", f"p50 {one['p50']:.0f}, p95 {one['p95']:.0f}")
    change = figures["design_change_ms"]
    table.add_row(
        "from a change on Design to new figures, ms",
        f"p50 {change['p50']:.0f}, p95 {change['p95']:.0f}" if change else "no browser",
    )
    table.add_row("share of a core per viewer of the live page", f"{page['core_share_per_viewer']:.1%}")
    table.add_row(f"memory of the server with {page['runs_in_store']:,} runs, MB", f"{page['server_megabytes']:.0f}")
    return table


def _text(spread: dict[str, float], form: str = ".2f") -> str:
    return f"{spread['median']:{form}} ({spread['min']:{form}} to {spread['max']:{form}})"
