"""Rows of a table: means and deviations over seeds, the best in bold."""

from statistics import stdev

import pytest

from latentlab.tables.rows import markdown, row, table
from latentlab.tables.table import rows

SIMPLE = {"reconstruction": {"bce": 0.1}, "latent": {"dim": 32, "knn_accuracy": 0.9}, "training": {"epochs": 2}}
SIMPLE_2 = {"reconstruction": {"bce": 0.3}, "latent": {"dim": 32, "knn_accuracy": 0.8}, "training": {"epochs": 2}}
RAW = {"latent": {"dim": 784, "knn_accuracy": 0.95}, "training": {"epochs": 0, "numerics": "portable 1"}}


def test_several_seeds_are_a_row_with_their_deviation() -> None:
    first, second = rows({"a": SIMPLE, "a_2": SIMPLE_2, "raw": RAW}, {"a": ("a", "a_2"), "raw": ("raw",)})  # type: ignore[dict-item]
    assert (first.name, first.count, second.name, second.count) == ("a", 2, "raw", 1)
    assert first.means["test/bce"] == pytest.approx(0.2)
    assert first.deviations["test/bce"] == pytest.approx(stdev([0.1, 0.3]))
    assert second.deviations == {}
    assert "test/bce" not in second.means


def test_a_metric_counts_where_all_seeds_have_it() -> None:
    assert set(row("a", [{"x": 1.0, "y": 1.0}, {"x": 2.0}]).means) == {"x"}


def test_the_table_says_how_many_seeds_and_which_is_best() -> None:
    both = [
        row("a", [{"test/bce": 0.1, "latent/dim": 32}, {"test/bce": 0.3, "latent/dim": 32}]),
        row("b", [{"test/bce": 0.15}]),
    ]
    head, body = table(both, "variant")
    assert head[:2] == ["variant", "seeds"]
    cells = {heading: [line[at] for line in body] for at, heading in enumerate(head)}
    assert [cell.text for cell in cells["test BCE ↓"]] == ["0.2000 ± 0.1414", "0.1500"]
    assert [cell.best for cell in cells["test BCE ↓"]] == [False, True]
    assert [cell.text for cell in cells["code"]] == ["32", ""]
    assert "| b | 1 |" in markdown(both, "variant")
    assert "**0.1500**" in markdown(both, "variant")
    assert table(both[1:], "variant")[0][:2] == ["variant", "parameters"]
