"""The pages: where their scripts are, by absolute path, so that they are found from any entry script; what a tab says."""

import base64
import re
from pathlib import Path

import streamlit as st

NAME = "MNIST Lab"
ICON_FILE = Path(__file__).with_name("icon.png")
ICON = f"data:image/png;base64,{base64.b64encode(ICON_FILE.read_bytes()).decode()}"
_PAGES = Path(__file__).parents[2] / "pages"
DESIGN = _PAGES / "design.py"
TRAIN = _PAGES / "train.py"
RESULTS = _PAGES / "results.py"
INSPECT = _PAGES / "inspecting.py"
RUN = _PAGES / "run.py"
COMPARE = _PAGES / "compare.py"
PATHS = ("", "train", "results", "inspect", "run", "compare")  # where a browser finds them


def tab(page: str, runs: str | None = None) -> str:
    """What the browser's tab says of a page: its name, and the runs that it shows, by default those in its address."""
    numbers = runs or st.query_params.get("run") or st.query_params.get("runs") or ""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9}){,5}", numbers):
        numbers = ""
    return f"{page} {numbers.replace(',', ', ')}".rstrip() + f" · {NAME}"
