"""The engine's command, in one process as far as it starts none."""

import logging

import pytest

from mnist_lab.engine.__main__ import main


def test_a_setting_that_is_not_understood_is_its_last_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MNIST_LAB_WORKERS", "none")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    with caplog.at_level(logging.INFO):
        assert main([]) == 1
    record = caplog.records[-1]
    assert record.name == "mnist_lab.engine"
    assert record.message.startswith("not working: MNIST_LAB_WORKERS should be a whole number from 1 to ")


def test_what_it_does_not_understand_it_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "first"])
    assert ended.value.code == 2
    assert "python -m mnist_lab.engine: error: argument --only: invalid int value: 'first'" in capsys.readouterr().err
