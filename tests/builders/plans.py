"""Plans of studies."""

from typing import Any

from mnist_lab.design.experiment import Experiment, parse
from mnist_lab.design.presets import PRESETS
from mnist_lab.studies.plan import Plan


def same_padding(**changes: Any) -> Experiment:
    """Three convolutions that fit whatever their kernels are, with a dense layer behind them."""
    block = {"kernel_size": 3, "padding": "same"}
    pooled = block | {"pooling": "max"}
    architecture = {
        "blocks": [pooled | {"filters": 16}, pooled | {"filters": 32, "dropout": 0.25}, block | {"filters": 24}],
        "bridge": "global average",
        "head": [{"units": 32}],
    }
    return PRESETS["fast"].with_changes(**{"name": "base", "architecture": architecture} | changes)


def plan_data(**changes: Any) -> dict[str, Any]:
    """A plan as JSON, with some of its fields changed."""
    kernels = {"field": "blocks.kernel_size", "levels": [2, 3, 5]}
    data = {"question": "Does kernel size matter?", "base": same_padding().model_dump(mode="json")}
    return data | {"factors": [kernels], "seeds": 3} | changes


def plan(**changes: Any) -> Plan:
    """That plan, validated."""
    return parse(Plan, plan_data(**changes))
