"""Tables on a page: what is copied is what is seen, and what is printed is all of it."""

import pandas as pd
import pytest
import streamlit as st

from mnist_lab.ui import grid, presentation

COLUMNS = {
    "share": st.column_config.NumberColumn("Share <i>", format="%.2f %%"),
    "loss": st.column_config.NumberColumn("Loss", format="%.4f"),
    "count": st.column_config.NumberColumn("Count", format="localized"),
    "when": st.column_config.DatetimeColumn("When"),
    "curve": st.column_config.LineChartColumn("Curve"),
    "tags": st.column_config.ListColumn("Tags"),
}
ROWS = pd.DataFrame(
    {
        "name": ["<b>*x*</b>", "y"],
        "share": [99.14333333333333, None],
        "loss": [0.034567891234, 1 / 3],
        "count": [13338.0, None],
        "when": pd.to_datetime(["2026-11-26 10:00", None]),
        "curve": [[0.123456789, 1 / 3], None],
        "tags": [["a", "<b>"], []],
        "rate": [0.001, 1e-05],
    }
)


def test_a_copied_value_has_the_digits_that_are_seen() -> None:
    seen = grid.as_seen(ROWS, COLUMNS)
    assert [str(value) for value in seen["share"]] == ["99.14", "nan"]
    assert [str(value) for value in seen["loss"]] == ["0.0346", "0.3333"]
    assert seen["curve"].tolist() == [[0.1235, 0.3333], None]
    assert seen["rate"].tolist() == [0.001, 1e-05]
    assert ROWS["loss"][1] == 1 / 3, "what was given stays as it was"


def test_what_is_printed_has_every_cell_as_text() -> None:
    html = grid.printed(grid.as_seen(ROWS, COLUMNS), COLUMNS)
    cells = [cell.split("</td>")[0] for cell in html.split("<td>")[1:]]
    assert cells[:7] == [
        *("&lt;b&gt;*x*&lt;/b&gt;", "99.14 %", "0.0346", "13,338", "2026-11-26 10:00:00", "a, &lt;b&gt;", "0.001"),
    ]
    assert "<th>Share &lt;i&gt;</th>" in html
    assert "Curve" not in html
    assert cells[7:] == ["y", "–", "0.3333", "–", "–", "–", "1e-05"]


def test_pictures_are_printed_as_pictures() -> None:
    html = grid.printed(pd.DataFrame({"look": ['/looks/"x".svg']}), {"look": st.column_config.ImageColumn("Look")})
    assert '<td><img src="/looks/&quot;x&quot;.svg" alt=""></td>' in html


def test_a_presentation_has_wider_columns_and_others_are_as_wide_as_their_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    column = st.column_config.NumberColumn(width=60)
    assert grid._wide_enough(column)["width"] == 60
    monkeypatch.setattr(presentation, "scale", lambda: 1.5)
    assert grid._wide_enough(column) == {**column, "width": 90}
    for other in ("Name", st.column_config.NumberColumn(), st.column_config.NumberColumn(width="small")):
        assert grid._wide_enough(other) == other


def test_a_long_table_says_that_it_is_cut() -> None:
    html = grid.printed(pd.DataFrame({"n": range(grid.MOST_PRINTED + 1234)}), {})
    assert html.count("<td>") == grid.MOST_PRINTED
    assert "1,234 more" in html
