"""Published values beside obtained ones, and the page that has all tables."""

from statistics import fmean, stdev
from typing import Any

import pytest

from latentlab.config.published import Published
from latentlab.errors import UserError
from latentlab.tables.beside import beside
from latentlab.tables.columns import by_tracked_name, column_of, names
from latentlab.tables.page import numerical_classes, page
from latentlab.tables.rows import row
from latentlab.tables.table import Metrics


def metrics_of(auroc: float, parameters: int = 10) -> Metrics:
    return {
        "anomaly": {"auroc": auroc},
        "training": {"parameters": parameters, "numerics": "portable 1"},  # type: ignore[dict-item]
    }


METRICS: dict[str, Metrics] = {
    "a": metrics_of(0.9),
    "a_2": metrics_of(0.8),
    "b": metrics_of(0.6),
    "b_2": metrics_of(0.7),
    "pca": metrics_of(0.5),
    "raw": {"latent": {"dim": 784}},
}
REPLICATES = {"a": ("a", "a_2"), "b": ("b", "b_2"), "pca": ("pca",), "raw": ("raw",)}
REFERENCES = [
    row("ocsvm", [by_tracked_name({"anomaly": {"auroc": 0.75}, "auroc_by_classes": {"3": 0.75}})]),
    row("png", [{"compression/bits": 9.0}]),
]


def entry(metric: str = "anomaly.auroc", value: float = 0.7, **keys: Any) -> Published:
    return Published(metric=metric, value=value, source="S", **keys)


def lines(*entries: Published) -> dict[str, list[str]]:
    return {cells[0]: cells[1:] for cells in beside(entries, METRICS, REPLICATES, REFERENCES)}


def test_obtained_and_published_and_their_difference() -> None:
    found = lines(entry(variant="a", setting="as\n here", remark="r"))
    assert list(found) == ["a", "b", "pca", "ocsvm"]
    obtained = f"0.850 ± {stdev([0.9, 0.8]):.3f} (2 seeds)"
    assert found["a"] == ["anomaly.auroc", obtained, "0.7", "+0.150", "as here", "r", "S"]
    assert found["pca"] == ["anomaly.auroc", "0.500", "", "", "", "", ""]
    assert found["ocsvm"][1] == "0.750"


def test_several_variants_are_their_mean_and_the_deviation_is_that_of_seeds() -> None:
    found = lines(entry(variants=["a", "b"]))
    each = [fmean([0.9, 0.6]), fmean([0.8, 0.7])]
    assert found["a, b"][1] == f"{fmean(each):.3f} ± {stdev(each):.3f} (2 seeds)"
    assert list(found) == ["a, b", "pca", "ocsvm"]
    unequal = lines(entry(variants=["a", "pca"]))
    assert unequal["a, pca"][1] == f"{fmean([0.85, 0.5]):.3f}"


def test_another_seed_is_the_same_variant() -> None:
    assert lines(entry(variant="a_2"))["a"] == lines(entry(variant="a"))["a"]
    assert lines(entry(variants=["a", "a_2"]))["a"] == lines(entry(variant="a"))["a"]


def test_what_is_of_no_variant_and_what_a_variant_has_not() -> None:
    found = lines(entry(row="OCGAN"), entry(variant="raw"))
    assert found["OCGAN"] == ["anomaly.auroc", "", "0.7", "", "", "", "S"]
    assert found["raw"] == ["anomaly.auroc", "", "0.7", "", "", "", "S"]
    assert lines(entry(variants=["a", "raw"]))["a, raw"][1] == ""


def test_a_published_value_of_a_reference_stands_beside_it() -> None:
    found = beside([entry(row="ocsvm")], METRICS, REPLICATES, REFERENCES)
    assert [line[:5] for line in found if line[0] == "ocsvm"] == [["ocsvm", "anomaly.auroc", "0.750", "0.7", "+0.050"]]


def test_many_variants_are_counted_and_not_listed() -> None:
    metrics = {name: metrics_of(0.5) for name in "abcd"}
    found = beside([entry(variants=list("abcd"))], metrics, {name: (name,) for name in "abcd"}, [])
    assert [line[0] for line in found] == ["mean of 4 variants"]


def test_metrics_stand_together_in_the_order_of_the_file() -> None:
    given = (entry(variant="a", metric="training.parameters", value=12), entry(variant="a"), entry(variant="b"))
    cells = beside((given[0], given[1], given[0], given[2]), METRICS, REPLICATES, REFERENCES)
    assert [line[1] for line in cells] == ["training.parameters"] * 4 + ["anomaly.auroc"] * 4
    assert cells[0][2:5] == ["10 (2 seeds)", "12", "-2"]


def test_nothing_published_is_no_table() -> None:
    assert beside((), METRICS, REPLICATES, REFERENCES) == []


def test_every_name_is_a_column() -> None:
    known = names((0.1, 1.0))
    assert {
        "reconstruction.bce",
        "reconstruction.mse",
        "denoising.ssim_0.1",
        "training.parameters",
        "latent.mean_activation",
    } <= set(known)
    assert "loss" not in known
    assert [column_of(name).dotted for name in known] == known
    with pytest.raises(UserError, match="found 'a/b'"):
        column_of("a.b")


def test_the_page_has_tables_classes_and_keys() -> None:
    keys = {"a": "0123456789abcdef", "b": "f" * 64}
    cells = beside([entry(variant="a", remark="a | b")], METRICS, REPLICATES, REFERENCES)
    text = page("quick", [row("a", [{"test/bce": 0.1}]), *REFERENCES], cells, keys, numerical_classes(METRICS))
    assert text.startswith("# Results of study quick\n\n")
    assert "| a |  |  |  | 0.1000 |" in text
    assert "| png |  | 9 |" in text
    assert "| a | anomaly.auroc | 0.850 ± 0.071 (2 seeds) | 0.7 | +0.150 |  | a \\| b | S |" in text
    assert text.endswith(
        "Numerical class: portable 1. Keys, the first 12 digits:\n\n- a: `0123456789ab`\n- b: `ffffffffffff`\n"
    )
    assert "Beside" not in page("quick", REFERENCES, [], keys, [])
