"""Questions as they are declared, stored and read."""

import ast
import json
from typing import Any, get_args

import pytest

from mnist_lab.data.perturbation import KINDS as CHANGES
from mnist_lab.errors import InputError
from mnist_lab.inspection import questions
from mnist_lab.ui.inspect import layers
from tests.builders.processes import ROOT

EACH = [
    questions.Answer(run_id=1, image="x"),
    questions.Maps(run_id=1, epoch=3, image="x"),
    questions.Attribution(run_id=1, image="x", digit=3, method="occlusion"),
    questions.Tested(run_id=1, epoch=2),
    questions.OwnDigits(run_id=1, digits=[3, 8]),
    questions.Hidden(run_id=1),
    questions.Robustness(run_id=1, change=next(iter(CHANGES)), strengths=[0.0, 1.5], images=100),
    questions.Ablation(run_id=1, off={"Block 1": [0, 3]}, images=100),
    questions.EachAblated(run_id=1, part="Block 1", images=100),
    questions.Export(run_id=1),
]


@pytest.mark.parametrize("question", EACH, ids=lambda question: question.kind)
def test_a_question_is_read_as_it_was_written(question: questions.Question) -> None:
    stored = json.loads(json.dumps(question.arguments))
    assert questions.read(question.kind, stored) == question
    assert questions.is_long(question.kind) is question.is_long


def test_every_kind_is_declared_and_asked_on_a_page() -> None:
    assert [type(question) for question in EACH] == list(questions.KINDS.values())
    files = [*ROOT.glob("mnist_lab/ui/**/*.py"), *ROOT.glob("pages/*.py")]
    called = [
        node.func for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)
    ]
    names = {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in called}
    assert {kind.__name__ for kind in questions.KINDS.values()} <= names


def test_kinds_are_stored_as_they_always_were() -> None:
    long = {"tested", "own digits", "hidden", "robustness", "ablation", "each alone", "export"}
    assert set(questions.KINDS) == {"answer", "maps", "attribution"} | long
    assert {kind for kind in questions.KINDS if questions.is_long(kind)} == long


def test_every_method_of_attribution_is_explained_on_the_page() -> None:
    assert set(layers.METHODS) == set(get_args(questions.Method))


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("system", {}, "Question: should be one of answer, maps"),
        ("answer", {"run_id": 1}, "Question: answer should have other arguments; received 'run_id'"),
        ("export", {"run_id": 1, "path": "/"}, "received 'run_id, path'"),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(kind: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        questions.read(kind, arguments)
    assert not questions.is_long("system")
