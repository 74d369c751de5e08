"""Tables of README and docs are what the stored seeds give."""

import dataclasses
import re

import pytest

from helpers.course import tables
from helpers.errors import CourseError
from helpers.scorecard import Band
from tests.conftest import ROOT


def test_the_tables_of_the_course_are_what_was_measured():
    assert tables.write_tables(check=True) == [], "run 'vigilant tables'"


def test_the_tables_stand_in_the_pages():
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "measured.md").read_text()
    assert re.search(r"\| accuracy on test pictures \| 9\d\.\d% \(9\d\.\d% to 9\d\.\d%\) \| 8\d\.\d% ", text)
    assert re.search(r"\| integrated gradients \(black\) \| \+0\.\d\d \(", text)
    assert re.search(r"aleatoric part of the uncertainty, in nats \| 0\.693 \| (0\.6[7-9]|0\.7[01])\d \(", text)
    assert "`interval_coverage` |" in text
    assert re.search(r"\| 05_shap \| signs \| 5 6 7 8 9 \| 95 \| 1 \| 4 \|", text)


def band(values=(0.1, 0.2, 0.3, 0.4, 0.5), **changes):
    given = {"axis": "training", "metric": "accuracy", "dataset": "signs", "model": "course_cnn", "budget": "quick"}
    ends = {"low": 0.0, "high": 1.0, "why": "theory", "seeds": range(5)}
    return Band(**{**given, **ends, "notebook": "01_training", "values": values, **changes})


STORED = tables.Stored([band(), band(dataset="fashion", values=())], [])
TABLES = {"toy": lambda values: tables.spread(values.values("accuracy", "signs", "course_cnn"), tables.percent)}
PAGE = "Before.\n\n<!-- made by vigilant tables: toy -->\n{}<!-- end of toy -->\n\nAfter.\n"


@pytest.mark.parametrize("old", ["", "typed by hand\n", "| a |\n|---|\n| b |\n\nand more\n"])
def test_what_stands_between_the_markers_is_replaced_and_nothing_else(old):
    text = tables.filled(PAGE.format(old), STORED, TABLES)
    assert text == PAGE.format("30.0% (10.0% to 50.0%)\n")
    assert tables.filled(text, STORED, TABLES) == text


def test_two_tables_in_a_page():
    page = PAGE.format("") + PAGE.format("").replace("toy", "other")
    text = tables.filled(page, STORED, {**TABLES, "other": lambda values: "| x |"})
    assert text == PAGE.format("30.0% (10.0% to 50.0%)\n") + PAGE.format("| x |\n").replace("toy", "other")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (PAGE.replace("toy", "tory"), "there is no table 'tory'; there are toy"),
        (PAGE.replace("<!-- end of toy -->", ""), "the table 'toy' has no end: put <!-- end of toy --> below it"),
        (PAGE.replace("end of toy", "end of other"), "the table 'toy' has no end"),
    ],
)
def test_a_marker_that_is_wrong_is_named(page, message):
    with pytest.raises(CourseError, match=message):
        tables.filled(page, STORED, TABLES)


@pytest.mark.parametrize("wanted", [("accuracy", "digits", "course_cnn"), ("accuracy", "fashion", "course_cnn")])
def test_a_table_of_what_was_not_stored_is_refused(wanted):
    with pytest.raises(CourseError, match="a table needs one"):
        STORED.values(*wanted)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(PAGE.format("old\n"))
    (tmp_path / "docs" / "page.md").write_text("No table.\n")
    monkeypatch.setattr(tables, "TABLES", TABLES)
    monkeypatch.setattr(tables, "stored", lambda root: STORED)
    return tmp_path


def test_a_page_is_written_once_and_checked_without_writing(checkout):
    readme = checkout / "README.md"
    assert tables.write_tables(checkout, check=True) == [readme]
    assert readme.read_text() == PAGE.format("old\n")
    assert tables.write_tables(checkout) == [readme]
    assert tables.write_tables(checkout) == tables.write_tables(checkout, check=True) == []
    # A value that was measured again makes the page stale.
    other = dataclasses.replace(STORED, bands=[band(values=(0.1, 0.2, 0.3, 0.4, 0.6))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "stored", lambda root: other)
        assert tables.write_tables(checkout, check=True) == [readme]


def test_a_table_that_no_page_shows_is_named(checkout):
    (checkout / "README.md").write_text("Nothing here.\n")
    with pytest.raises(CourseError, match="no page shows the table toy"):
        tables.write_tables(checkout)


def test_a_page_with_a_wrong_marker_is_named(checkout):
    (checkout / "docs" / "page.md").write_text(PAGE.replace("toy", "tory"))
    with pytest.raises(CourseError, match=r"page\.md: there is no table 'tory'"):
        tables.write_tables(checkout)


def test_a_table_as_markdown():
    assert tables.markdown(["", "a"], [["x", "1"], ["y", "2"]]) == "| | a |\n|---|---|\n| x | 1 |\n| y | 2 |"
