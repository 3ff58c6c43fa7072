"""The lab without a browser: `python -m mnist_lab presets | train | runs | reproduce | export | repeat | copy | bench`."""

import argparse
import contextlib
import errno
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from mnist_lab import settings
from mnist_lab.cli import bench, console, copy, export, presets, repeat, reproduce, runs, train
from mnist_lab.engine import log_file
from mnist_lab.errors import MAX_REFUSAL, InputError, LabError, one_line

log = logging.getLogger(__name__)

COMMANDS = {
    "presets": presets,
    "train": train,
    "runs": runs,
    "reproduce": reproduce,
    "export": export,
    "repeat": repeat,
    "copy": copy,
    "bench": bench,
}
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EINVAL)  # the last one on Windows


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        message = one_line(message, MAX_REFUSAL - 60)
        raise InputError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m mnist_lab", description=__doc__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.__doc__)
        command.declare(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command to its exit status.

    Args:
        arguments: of the command line; this process' own where None.
    """
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    console.accept_all_characters()
    try:
        options = _parser().parse_args(arguments)
        settings.check()
        status = int(options.run(options))
        if sys.stdout:
            sys.stdout.flush()  # whether it can be written is to be known now
    except LabError as error:
        console.err.print(str(error), soft_wrap=True)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _refused_by_the_system(error)
    except Exception as error:
        return _unforeseen(error)
    return status


def _refused_by_the_system(error: OSError) -> int:
    if error.filename is not None or error.errno not in _OF_OUTPUT:
        log.info("the system refused something", exc_info=error)
        console.err.print(f"The operating system refused something that the lab needs: {error}.", soft_wrap=True)
        return 1
    # Python flushes once more when it ends, and would complain once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not isinstance(error, BrokenPipeError):  # else `| head` has seen enough
        console.err.print(f"Output: cannot be written ({error.strerror}).", soft_wrap=True)
    return 1


def _unforeseen(error: Exception) -> int:
    """A sentence for the person who waits; all of it for whoever fixes it."""
    path = log_file.path()
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        traceback.print_exception(error, file=file)
    words = one_line(f"{type(error).__name__}: {error}", MAX_REFUSAL - 100)
    console.err.print(f"The command failed unexpectedly ({words}); {path} has the details.", soft_wrap=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
