"""What comes through to standard error, in a process of its own."""

import subprocess
import sys

from tests.builders.processes import ROOT

CODE = r"""
import logging, os, subprocess, sys, threading
logging.basicConfig(level=logging.INFO, format="%(message)s")
from mnist_lab.engine import stderr_filter
stderr_filter.install()
os.write(2, b"E0000 cuda_platform.cc: failed call to cuInit: UNKNOWN ERROR\nF0000 the last words of a crash\n")
subprocess.run([sys.executable, "-c", r"import os; os.write(2, b'cudart_stub.cc: none\nof a child\n')"])
logging.warning("from a log, about triggered tf.function retracing")
print("printed: \udce4", file=sys.stderr)
(thread,) = (t for t in threading.enumerate() if t.name == "standard error")
os.close(2)  # then the filter has all there will be
thread.join()
"""


def test_native_libraries_chatter_is_left_out_and_all_else_passes() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            "F0000 the last words of a crash",
            "of a child",
            "from a log, about triggered tf.function retracing",
            "printed: \\udce4",
        ]
    )
    assert done.stdout == ""
