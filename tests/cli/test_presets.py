"""The presets as JSON and as a table."""

import json

from mnist_lab.design.presets import DESCRIPTIONS
from tests.builders.command_line import command


def test_presets_as_json(url: str) -> None:
    found = {preset["name"]: preset for preset in json.loads(command(url, "presets", "--json").out)}
    assert found["7x7"] == {
        "name": "7x7",
        "conv_layers": 3,
        "parameters": 136_906,
        "trainable_parameters": 136_426,
        "non_trainable_parameters": 480,
    }
    assert (found["3x3"]["parameters"], found["2x2"]["parameters"]) == (13_338, 144_406)


def test_the_table_has_every_preset_with_its_description(url: str) -> None:
    table = command(url, "presets").out
    assert "136,906" in table
    assert all(name in table and description in table for name, description in DESCRIPTIONS.items())
