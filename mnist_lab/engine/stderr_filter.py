"""A filter that removes unwanted messages of native libraries from standard error."""

import logging
import os
import sys
import threading

# TensorFlow's messages where there is no GPU, which it writes before its log level can be set; and its warning that
# functions are retraced, as those of each network must be.
_UNWANTED = (
    b"cudart_stub.cc",
    b"failed call to cuInit",
    b"before absl::InitializeLog()",
    b"triggered tf.function retracing",
)


def install() -> None:
    """Remove lines with `_UNWANTED` phrases from what this process and its children write to standard error from now on.

    All other lines pass, including the last ones of a process that crashes. What Python code of this process writes
    bypasses the filter, so that it is not delayed.
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
