"""The engine process, `python -m mnist_lab.engine`: trains queued runs and answers questions.

It runs until its standard input is closed. The process that started it holds the other end of that pipe, so the engine
ends with it, however that process ends.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time

from mnist_lab import settings
from mnist_lab.engine.engine import Engine, exit_at_once
from mnist_lab.engine.failure import cause
from mnist_lab.errors import LabError
from mnist_lab.store.lease import NOT_WORKING
from mnist_lab.store.store import Store

log = logging.getLogger("mnist_lab.engine")

EXIT_DEADLINE_SECONDS = 10.0


def _close_with_stdin(closing: threading.Event) -> None:
    """Set `closing` when standard input ends; exit if closing then takes too long."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    closing.set()
    time.sleep(EXIT_DEADLINE_SECONDS)
    os._exit(1)


def main(arguments: list[str] | None = None) -> int:
    """Run the engine until its standard input ends or it receives SIGTERM; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mnist_lab.engine", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", metavar="ID", help="train only these runs")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    for noisy in ("distributed", "tornado"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        settings.check()
        engine = Engine(Store(), options.only)
        threading.Thread(target=_close_with_stdin, args=(engine.closing,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda number, frame: engine.closing.set())
        engine.serve()
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        reason = str(error)
    except Exception as error:
        log.exception("the engine cannot continue")
        reason = f"The engine failed ({cause(error)})."
    else:
        return 0
    log.error("%s%s", NOT_WORKING, reason)  # which the supervisor reads from the log
    return 1


if __name__ == "__main__":
    exit_at_once(main())
