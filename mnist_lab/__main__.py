"""The lab without a browser: `python -m mnist_lab presets | train | runs | reproduce | export | repeat | bench`."""

import argparse
import codecs
import contextlib
import errno
import io
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from mnist_lab import clock, settings
from mnist_lab.design.architecture import filters, kernel_sizes
from mnist_lab.design.experiment import MAX_DESIGN, Experiment, Protocol, read_design
from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import DESCRIPTIONS, NOTEBOOK_PRESETS, PRESETS
from mnist_lab.engine import log_file, stderr_filter, supervisor
from mnist_lab.errors import MAX_REFUSAL, EngineError, InputError, LabError, one_line
from mnist_lab.lab import Lab
from mnist_lab.person import system_user
from mnist_lab.results import receipt, significance
from mnist_lab.results import table as results_table
from mnist_lab.store.run import Run, Status

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EINVAL)  # the last one on Windows
_PLAIN = str.maketrans({"×": "x", "–": "-", "−": "-", "±": "+-", "…": "...", "′": "'", "“": '"', "”": '"', "°": " deg"})
# Names are the persons': nothing in them is markup, or the code of a picture.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(markup=False, emoji=False, highlight=False, stderr=True)


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        message = one_line(message, MAX_REFUSAL - 60)
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mnist_lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    presets = commands.add_parser("presets", help="the networks to start from")
    presets.set_defaults(command=_presets)

    train = commands.add_parser("train", help="train a network and wait for its result")
    network = train.add_mutually_exclusive_group(required=True)
    network.add_argument("--preset", help=f"the network and how it is trained: {', '.join(PRESETS)}")
    network.add_argument(
        "--design", type=Path, metavar="FILE", help="the same from a file that Export design on the Design page made"
    )
    train.add_argument("--epochs", type=int, metavar="N", help="how often it sees every image (default: the design's)")
    train.add_argument("--seed", type=int, metavar="N", help="what all chance comes from (default: the design's, 1)")
    train.add_argument("--seeds", type=int, default=1, metavar="K", help="so many seeds, from --seed on (default 1)")
    train.add_argument("--train-images", type=int, metavar="N", help="the first N training images (default: all)")
    train.add_argument("--protocol", help=f"{' or '.join(Protocol)}: what validates, and when the test images are used")
    train.set_defaults(command=_train)

    runs = commands.add_parser("runs", help="the table of results")
    runs.set_defaults(command=_runs)

    reproduce = commands.add_parser("reproduce", help="train the notebook's three networks and compare")
    reproduce.add_argument("--seeds", type=int, default=1, metavar="K", help="how many seeds of each (default 1)")
    reproduce.set_defaults(command=_reproduce)

    export = commands.add_parser("export", help="a run as a receipt, with its network as stock Keras files")
    export.add_argument("run", type=int, metavar="RUN", help="the run's number, as runs lists it")
    export.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="where to (default: here)")
    export.set_defaults(command=_export)

    repeat = commands.add_parser("repeat", help="train what a receipt describes again, and compare")
    repeat.add_argument("file", type=Path, metavar="FILE", help="a receipt, JSON or zip, from here or elsewhere")
    repeat.set_defaults(command=_repeat)

    bench = commands.add_parser("bench", help="measure training beside Keras fit and PyTorch, and all waiting")
    bench.add_argument("--quick", action="store_true", help="within ten minutes on two cores")
    bench.set_defaults(command=_bench)

    for command in (presets, train, runs, bench):
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main() -> int:
    """Parse the command line and run one command; its exit status."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    try:
        options = _parser().parse_args()
        settings.check()
        status = int(options.command(options))
        if sys.stdout:
            sys.stdout.flush()  # what cannot be written is to be known now
    except LabError as error:
        err.print(str(error), soft_wrap=True)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_OUTPUT:
            log.info("the system refused something", exc_info=error)
            err.print(f"The system refuses something that the lab needs: {error}.", soft_wrap=True)
            return 1
        # Python flushes once more when it ends, and would tell of it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):  # else `| head` has seen enough
            err.print(f"Output: cannot be written ({error.strerror}).", soft_wrap=True)
        return 1
    except Exception as error:
        # Nobody foresaw it: a sentence to who waits, all of it to who mends.
        path = log_file.path()
        with contextlib.suppress(OSError), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exc(file=file)
        said = one_line(f"{type(error).__name__}: {error}", MAX_REFUSAL - 100)
        err.print(f"The command failed unexpectedly ({said}); {path} has the details.", soft_wrap=True)
        return 1
    return status


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an output's encoding has not, such as ASCII and Windows' old ones."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_PLAIN)
    return plain.encode("ascii", "replace").decode(), error.end


def _print(table: RenderableType) -> None:
    """A table, whole: in a file or pipe as wide as it needs, on a narrower screen with its cells on several lines."""
    if not out.is_terminal:
        out.width = max(out.width, _width(table))
    out.print(table)


def _width(table: RenderableType) -> int:
    """How many characters wide a table would like to be."""
    return out.measure(table, options=out.options.update(width=10_000)).maximum


def _presets(options: argparse.Namespace) -> int:
    rows = []
    for name, preset in PRESETS.items():
        counts = totals(trace(preset.architecture))
        rows.append(
            {
                "name": name,
                "conv_layers": len(preset.architecture.blocks),
                "parameters": counts.parameters,
                "trainable_parameters": counts.trainable,
                "non_trainable_parameters": counts.non_trainable,
            }
        )
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table("preset", "conv layers", "parameters", "trainable", "what it is")
    for row in rows:
        cells = (row["conv_layers"], f"{row['parameters']:,}", f"{row['trainable_parameters']:,}")
        table.add_row(str(row["name"]), *map(str, cells), DESCRIPTIONS[str(row["name"])])
    _print(table)
    return 0


def _experiment(options: argparse.Namespace) -> Experiment:
    if options.design:
        preset = _design(options.design)
    elif options.preset in PRESETS:
        preset = PRESETS[options.preset]
    else:
        raise InputError(f"Preset: should be one of {', '.join(PRESETS)}; received {options.preset!r}.")
    changes: dict[str, Any] = {}
    if options.protocol is not None:
        changes["protocol"] = options.protocol
    if options.epochs is not None:
        changes["recipe"] = preset.recipe.model_dump(mode="json") | {"epochs": options.epochs}
    if options.seed is not None:
        changes["seed"] = options.seed
    if options.train_images is not None:
        changes["train_images"] = options.train_images
    return preset.with_changes(**changes)


def _design(path: Path) -> Experiment:
    try:
        with path.open("rb") as file:
            return read_design(file.read(4 * MAX_DESIGN + 1))
    except OSError as error:
        raise InputError(f"Design: {path} cannot be read ({error.strerror}); name a design's file.") from None
    except InputError as error:
        raise InputError(f"Design {path.name}: {error}") from None


def _train(options: argparse.Namespace) -> int:
    experiment = _experiment(options)
    lab = Lab()
    runs = _wait(lab, lab.start(experiment, options.seeds, by=system_user()))
    if options.json:
        found = [_as_json(run) for run in runs]
        print(json.dumps(found if options.seeds > 1 else found[0], indent=2))
        return _exit_status(runs)
    for run in runs:
        if run.test_accuracy is not None:
            out.print(
                f"Run {run.id} {run.status}: test accuracy {run.test_accuracy:.2%}, test loss {run.test_loss:.4f}, "
                f"validation accuracy {run.validation_accuracy:.2%} (epoch {run.kept_epoch}), {run.seconds:.1f} s.",
                soft_wrap=True,
            )
    if finished := [run for run in runs if run.status is Status.FINISHED]:
        out.print(_in_words(finished), soft_wrap=True)
    return _exit_status(runs)


def _in_words(runs: list[Run]) -> str:
    """What several runs of a design say together, or that one says little."""
    if len(runs) < 2:
        return "One run is one sample: another seed gives other figures."
    test = significance.spread([run.test_accuracy for run in runs if run.test_accuracy is not None])
    low, high = significance.of_shares(test.low, test.high)
    seconds = [run.seconds or 0.0 for run in runs]
    return (
        f"{len(runs)} seeds: test accuracy {test.mean:.3%} ± {test.sd:.3%} (mean and standard deviation; 95 % interval of "
        f"the mean {low:.3%} to {high:.3%}); {min(seconds):.1f} to {max(seconds):.1f} s a run."
    )


def _exit_status(runs: list[Run]) -> int:
    for run in runs:
        if run.deleted and not run.status.is_ended:
            err.print(f"Run {run.id} was deleted while it waited.", soft_wrap=True)
        if run.error:
            err.print(f"Run {run.id} {run.status}: {run.error}", soft_wrap=True)
    ended = {run.status for run in runs}
    if ended == {Status.FINISHED}:
        return 0
    return 130 if ended & {Status.STOPPED, Status.CANCELLED} or any(run.deleted for run in runs) else 1


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collects Ctrl-C instead of raising it: an exception could be raised, and lost, within a finaliser."""
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise SystemExit(130)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _wait(lab: Lab, run_ids: list[int]) -> list[Run]:
    """Show the progress of runs until all have ended. Ctrl-C stops them cleanly; a second one leaves at once.

    Raises:
        EngineError: there is no engine to train them; what they learnt before is kept.
    """
    with (
        _interrupts() as pressed,
        supervisor.engine(lab.store.url, only=run_ids) as engine,
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=err,
            refresh_per_second=1 / POLL_SECONDS,
        ) as bar,
    ):
        tasks = {run_id: bar.add_task(f"run {run_id}: waiting", start=False) for run_id in run_ids}
        stopping = False
        runs: dict[int, Run] = {}
        while True:
            for run_id in run_ids:
                if run_id not in runs or not runs[run_id].status.is_ended:
                    runs[run_id] = lab.run(run_id)
                    _show(bar, tasks[run_id], runs[run_id])
                    if runs[run_id].status is Status.QUEUED:
                        sentence = lab.shortage(runs[run_id])
                        bar.update(tasks[run_id], description=f"run {run_id}: {sentence or 'waiting'}")
            if all(run.status.is_ended or run.deleted for run in runs.values()):
                return list(runs.values())
            if pressed and not stopping:
                stopping = True
                lab.store.queue.stop(*run_ids)
            if engine.has_given_up:
                # Or another engine would train them one day, for nobody.
                lab.store.queue.stop(
                    *(run.id for run in runs.values() if run.status is Status.QUEUED and not run.steps_done)
                )
                raise EngineError(f"{engine.failure}")
            time.sleep(POLL_SECONDS)


def _show(bar: Progress, task: Any, run: Run) -> None:
    if run.status is Status.QUEUED:
        return
    if run.started and not bar.tasks[task].started:
        bar.start_task(task)
    words = f"run {run.id} {run.name}, seed {run.experiment.seed}: "
    if run.status is Status.RUNNING:
        epoch = min(run.epochs_done + 1, run.experiment.recipe.epochs)
        words += f"epoch {epoch} of {run.experiment.recipe.epochs}"
    else:
        words += run.status
    if run.last_validation_accuracy is not None:
        words += f", validation accuracy {run.last_validation_accuracy:.2%}"
    bar.update(task, description=words, completed=run.steps_done, total=run.planned_steps)
    if run.status.is_ended:
        bar.stop_task(task)


def _as_json(run: Run) -> dict[str, Any]:
    experiment = run.experiment
    return {
        "run": run.id,
        "id": run.id,  # what it was called until 0.6
        "name": run.name,
        "status": run.status,
        "kernel_sizes": kernel_sizes(experiment.architecture),
        "conv_layers": len(experiment.architecture.blocks),
        "parameters": run.parameters,
        "epochs": experiment.recipe.epochs,
        "epochs_done": run.epochs_done,
        "seed": experiment.seed,
        "protocol": experiment.protocol,
        "train_images": experiment.train_images,
        "kept_epoch": run.kept_epoch,
        "validation_accuracy": run.validation_accuracy,
        "validation_loss": run.validation_loss,
        "best_validation_accuracy": run.best_validation_accuracy,
        "best_epoch": run.best_epoch,
        "last_validation_accuracy": run.last_validation_accuracy,
        "test_accuracy": run.test_accuracy,
        "test_loss": run.test_loss,
        "seconds": run.seconds,
        "created": run.created,
        "ended": run.ended,
        "owner": run.owner,
        "error": run.error,
        "design": results_table.fields(run.experiment_json),
    }


def _runs(options: argparse.Namespace) -> int:
    lab = Lab()
    runs = lab.runs()
    for notice, text in lab.store.notices.all().items():
        err.print(text, soft_wrap=True)
        lab.store.notices.dismiss(notice)
    if options.json:
        print(json.dumps([_as_json(run) for run in runs], indent=2))
        return 0
    if not runs:
        out.print("No runs yet; try: python -m mnist_lab train --preset fast")
        return 0
    columns = {
        "run": [str(run.id) for run in runs],
        "name": [run.name for run in runs],
        "kernels": [kernel_sizes(run.experiment.architecture) for run in runs],
        "layers": [str(len(run.experiment.architecture.blocks)) for run in runs],
        "filters": [filters(run.experiment.architecture) for run in runs],
        "parameters": [f"{run.parameters:,}" for run in runs],
        "status": [str(run.status) for run in runs],
        "seed": [str(run.experiment.seed) for run in runs],
        "validation": [_percent(run.validation_accuracy) for run in runs],
        "test": [_percent(run.test_accuracy) for run in runs],
        "s": [f"{run.seconds:.1f}" if run.seconds else "–" for run in runs],
        "when": [clock.text(run.ended or run.created) for run in runs],
    }
    left_out = []
    table = _table(columns)
    for name in ("when", "filters", "layers", "s", "parameters", "kernels"):
        if not out.is_terminal or _width(table) <= out.width:
            break
        left_out.append(name)
        del columns[name]
        table = _table(columns)
    _print(table)
    if left_out:
        out.print(f"Not in this window for want of width: {', '.join(left_out)}. A wider one, or a file, has all.")
    return 0


def _table(columns: dict[str, list[str]]) -> Table:
    """A table of columns, a text a row; only names may take several lines."""
    name = Column("name", overflow="fold", max_width=30 if out.is_terminal else None)
    others = {
        title: Column(title, no_wrap=True, justify="right" if title == "parameters" else "left") for title in columns
    }
    table = Table(*(others | {"name": name}).values(), box=box.SIMPLE_HEAD, pad_edge=False)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _reproduce(options: argparse.Namespace) -> int:
    lab = Lab()
    by = system_user()
    ids = [i for name in NOTEBOOK_PRESETS for i in lab.start(PRESETS[name], options.seeds, by=by)]
    runs = _wait(lab, ids)
    table = Table(
        "kernel", "conv layers", "notebook: test accuracy", "test loss", "ours: test accuracy", "test loss", "n"
    )
    for _, row in results_table.beside_notebook(lab.table(ids)).iterrows():
        ours = ["–", "–"]
        if row["n"]:
            spread = [f" ± {row['our_test_sd']:.4f}", f" ± {row['our_test_loss_sd']:.4f}"] if row["n"] > 1 else ["", ""]
            ours = [f"{row['our_test_accuracy']:.4f}{spread[0]}", f"{row['our_test_loss']:.4f}{spread[1]}"]
        theirs = (f"{row['test_accuracy']:.4f}", f"{row['test_loss']:.4f}")
        table.add_row(row["kernel_sizes"], str(row["conv_layers"]), *theirs, *ours, str(row["n"]))
    _print(table)
    out.print("Ours: mean ± standard deviation over n seeds. The notebook's: one run each, which proves little.")
    return _exit_status(runs)


def _export(options: argparse.Namespace) -> int:
    lab = Lab()
    run = lab.run(options.run)
    found = receipt.make(run, lab.store.runs.epochs([run.id]), lab.store.runs.probabilities(run.id))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr_filter.install()
    from mnist_lab.inspection.export import export
    from mnist_lab.inspection.network import Network

    files = {name: data.tobytes() for name, data in export(Network(lab.store, run.id), lambda share: None).items()}
    files[receipt.NAME] = receipt.written(found)
    try:
        options.to.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            path = options.to / f"mnist-lab-run-{run.id}-{name}"
            path.write_bytes(data)
            print(path)
    except OSError as error:
        raise InputError(f"To: {options.to} cannot be written to ({error.strerror}); choose another folder.") from None
    return 0


def _repeat(options: argparse.Namespace) -> int:
    try:
        with options.file.open("rb") as file:
            found = receipt.read_open(file)
    except OSError as error:
        raise InputError(f"File: {options.file} cannot be read ({error.strerror}); name a receipt.") from None
    lab = Lab()
    (run,) = _wait(lab, [lab.repeat(found, by=system_user())])
    out.print(f"Run {run.id}: {lab.repeated(run, lab.table())}", soft_wrap=True)
    return _exit_status([run])


def _bench(options: argparse.Namespace) -> int:
    from mnist_lab.bench import report

    with err.status("bench") as status:
        figures = report.run(options.quick, lambda words: status.update(f"bench: {words}"))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        _print(report.tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
