"""A chart on a page: quiet, and larger in a presentation."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_lab.charts import style
from mnist_lab.ui import presentation


def altair(chart: Any, place: DeltaGenerator | None = None, *, scale: float | None = None, **options: Any) -> Any:
    """An Altair chart; what it is called and what it says without being seen are among Streamlit's options, as `alt`.

    Args:
        scale: how much larger than usual it is; as the presentation's where None.

    Returns:
        What was chosen in it, where it can be chosen from.
    """
    from mnist_lab.charts.vega import styled  # with all of Altair, which a page's other parts need not wait for

    return (place or st).altair_chart(styled(chart, scale or presentation.scale()), **options)


def vega(
    data: Any, spec: style.Spec, place: DeltaGenerator | None = None, *, scale: float | None = None, **options: Any
) -> None:
    """A chart as its specification, which is a cached one, and its data; `scale` as of `altair`."""
    (place or st).vega_lite_chart(data, style.enlarged(spec, scale or presentation.scale()), **options)
