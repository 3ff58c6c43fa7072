"""The engine process, `python -m mnist_lab.engine`: trains waiting runs and answers questions.

It lives as long as its standard input is open: whoever started it holds the other end, so it ends with that process
however that process ends.
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


def _watch_lifeline(closing: threading.Event) -> None:
    """Close when standard input ends; should closing take too long, end anyway."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    closing.set()
    time.sleep(EXIT_DEADLINE_SECONDS)
    os._exit(1)


def main(arguments: list[str] | None = None) -> int:
    """Run the engine until its standard input ends, or on SIGTERM; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mnist_lab.engine", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", metavar="ID", help="serve none but these runs")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    for noisy in ("distributed", "tornado"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        settings.check()
        engine = Engine(Store(), options.only)
        threading.Thread(target=_watch_lifeline, args=(engine.closing,), daemon=True).start()
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
    log.error("%s%s", NOT_WORKING, reason)  # its last word: the supervisor hands it on
    return 1


if __name__ == "__main__":
    exit_at_once(main())
