"""Where the pages' scripts are: by absolute path, so that they are found from any entry script."""

from pathlib import Path

_PAGES = Path(__file__).parents[2] / "pages"
DESIGN = _PAGES / "design.py"
TRAIN = _PAGES / "train.py"
RESULTS = _PAGES / "results.py"
INSPECT = _PAGES / "inspecting.py"
RUN = _PAGES / "run.py"
COMPARE = _PAGES / "compare.py"
