"""Studies that come with the lab: the kernel question, asked in three ways and answered with receipts.

They are files as any study is taken away in, and only read: their runs are in no table and in no mean.
"""

import functools
from pathlib import Path

from mnist_lab.studies.file import StudyFile, read

_FOLDER = Path(__file__).with_name("published")
KERNELS = {
    "everything equal": "kernels-everything-equal.json",
    "equal parameters": "kernels-equal-parameters.json",
    "equal multiply-adds": "kernels-equal-multiply-adds.json",
}  # by what is held equal


@functools.cache
def kernels(equal: str) -> StudyFile:
    """One of the three studies of kernel size.

    Args:
        equal: a key of `KERNELS`.
    """
    return read((_FOLDER / KERNELS[equal]).read_bytes())
