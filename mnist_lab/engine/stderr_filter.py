"""Keeps what native libraries say on standard error without being asked from who reads a log or a terminal."""

import logging
import os
import sys
import threading

# What TensorFlow says where there is no graphics card, before it can be told to be quiet; and that each network's steps are
# traced anew, as they must be.
_UNWANTED = (
    b"cudart_stub.cc",
    b"failed call to cuInit",
    b"before absl::InitializeLog()",
    b"triggered tf.function retracing",
)


def install() -> None:
    """Leave lines with `_UNWANTED` words out of what this process and its children write to standard error from now on.

    All else passes, also the last words of one that crashes. What Python writes here goes past the filter, so that none of
    it is late.
    """
    sys.stderr.flush()
    direct = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(direct)
    sys.stderr = direct
    source, sink = os.pipe()
    os.dup2(sink, 2)
    os.close(sink)

    def pass_on() -> None:
        with os.fdopen(source, "rb") as lines:
            for line in lines:
                if not any(words in line for words in _UNWANTED):
                    os.write(direct.fileno(), line)

    threading.Thread(target=pass_on, name="standard error", daemon=True).start()
