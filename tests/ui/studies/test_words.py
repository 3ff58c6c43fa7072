"""A plan as a list of facts."""

from mnist_lab.design.presets import PRESETS
from mnist_lab.ui.studies import words
from tests.builders.plans import plan


def test_of_whole_designs_it_is_not_said_that_everything_else_is_the_same() -> None:
    presets = [PRESETS[name].model_dump(mode="json") for name in ("2x2", "7x7")]
    designs = plan(base=PRESETS["2x2"].model_dump(mode="json"), factors=[{"presets": presets}])
    assert words.facts(designs)["What is equal"] == "Each design is trained as it is"
    assert words.facts(plan())["What is equal"] == "Everything else is the same, and what that costs may differ"
    equal = plan(equal={"what": "parameters", "by": "filters"})
    assert words.facts(equal)["What is equal"].startswith("The number of parameters, within 2 %")
