"""The README is short and true: its links lead somewhere, its packages are those that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = sorted((ROOT / ".github" / "docs").glob("*.md"))


@pytest.mark.parametrize("file", [README, *DOCUMENTS], ids=lambda file: file.name)
def test_every_file_that_is_linked_exists(file: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8"))
    assert linked or file != README
    assert [link for link in linked if not (file.parent / link).is_file()] == []


def test_the_readme_is_short_and_leads_to_every_document_and_package() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    assert [file.name for file in DOCUMENTS if f"(.github/docs/{file.name})" not in text] == []
    packages = {init.parent.name for init in ROOT.glob("mnist_lab/*/__init__.py")}
    assert set(re.findall(r"^ {6}(\w+)/ ", text, re.MULTILINE)) == packages
