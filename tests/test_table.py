"""The scorecard's table in a real browser, from a file: sorted and filtered by keyboard and pointer."""

import pytest

from geomlib.paper import ROOT

TABLE = """<table class="sortable"><thead><tr><th>model</th><th>difference</th></tr></thead><tbody>
<tr><td>E2M3</td><td>+0.02</td></tr><tr><td>E1M1</td><td></td></tr><tr><td>E2M1</td><td>-0.5</td></tr>
<tr><td>E1M2</td><td>+0.1</td></tr></tbody></table>"""


@pytest.fixture
def page(visit, tmp_path):
    path = tmp_path / "table.html"
    path.write_text(
        f'<meta charset="utf-8">{TABLE}<script src="{(ROOT / "book/_static/table.js").as_uri()}" defer></script>'
    )
    page = visit(path.as_uri())
    yield page
    assert page.errors == []
    page.context.close()


def shown(page, column):
    return page.locator(f"tbody tr:visible td:nth-child({column})").all_inner_texts()


def test_a_head_sorts_numbers_as_numbers_and_the_second_time_the_other_way_with_empty_cells_last(page):
    page.get_by_role("button", name="difference").focus()
    page.keyboard.press("Enter")
    assert shown(page, 2) == ["-0.5", "+0.02", "+0.1", ""]
    assert page.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert shown(page, 2) == ["+0.1", "+0.02", "-0.5", ""]
    page.get_by_role("button", name="model").click()
    assert shown(page, 1) == ["E1M1", "E1M2", "E2M1", "E2M3"]
    assert page.locator("th").nth(1).get_attribute("aria-sort") is None


def test_the_field_keeps_rows_with_all_words_and_says_how_many(page):
    page.get_by_label("Show rows with").fill("e2 0.0")
    assert shown(page, 1) == ["E2M3"] and "1 of 4" in page.get_by_role("status").inner_text()
    page.get_by_label("Show rows with").fill("")
    assert len(shown(page, 1)) == 4
