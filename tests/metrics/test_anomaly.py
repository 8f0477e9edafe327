"""Anomaly scores against counts by hand, the Mann-Whitney test and Gaussians."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from latentlab.metrics import anomaly
from latentlab.storage.memory import Array

SCORES = np.array([1.0, 2.0, 3.0, 4.0])
TRUTH = np.array([False, True, False, True])
any_scores = st.lists(st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0, 2.0, math.inf, -math.inf]), min_size=2)


def shifted(rng: np.random.Generator, by: float, count: int = 20_000) -> tuple[Array, Array]:
    truth = np.arange(count) % 4 == 0
    return rng.normal(size=count) + by * truth, truth


def test_by_hand() -> None:
    assert anomaly.auroc(SCORES, TRUTH) == pytest.approx(3 / 4)  # 3 of 4 pairs are in order
    assert anomaly.average_precision(SCORES, TRUTH) == pytest.approx(1 / 2 + 2 / 3 / 2)
    assert anomaly.auroc(-SCORES, TRUTH) == pytest.approx(1 / 4)


def test_equal_scores_say_nothing() -> None:
    assert anomaly.auroc(np.full(4, 7.0), TRUTH) == 0.5
    assert anomaly.average_precision(np.full(4, 7.0), TRUTH) == 0.5
    curve = anomaly.roc(np.full(4, 7.0), TRUTH)
    assert curve is not None
    assert [rates.tolist() for rates in curve] == [[0, 1], [0, 1]]


@given(any_scores)
def test_auroc_is_that_of_mann_whitney(values: list[float]) -> None:
    scores = np.array(values)
    truth = np.arange(len(scores)) % 2 == 0
    order = scipy.stats.rankdata(scores)  # the test itself subtracts, and so takes no infinite ones
    u = scipy.stats.mannwhitneyu(order[truth], order[~truth], method="asymptotic").statistic
    assert anomaly.auroc(scores, truth) == pytest.approx(u / (truth.sum() * (~truth).sum()))


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_auroc_of_two_gaussians(rng: np.random.Generator, distance: float) -> None:
    expected = scipy.stats.norm.cdf(distance / math.sqrt(2))
    assert anomaly.auroc(*shifted(rng, distance)) == pytest.approx(expected, abs=0.01)


def test_a_score_that_says_less_scores_worse(rng: np.random.Generator) -> None:
    scores, truth = shifted(rng, 3.0)
    noisier = [scores + rng.normal(0, noise, len(scores)) for noise in (0, 2, 8, 1e6)]
    areas = [anomaly.auroc(each, truth) or 0 for each in noisier]
    precisions = [anomaly.average_precision(each, truth) or 0 for each in noisier]
    assert areas == sorted(areas, reverse=True)
    assert precisions == sorted(precisions, reverse=True)
    assert (areas[-1], precisions[-1]) == pytest.approx((0.5, 0.25), abs=0.02)  # chance, and the share of anomalies


def test_only_the_order_counts() -> None:
    for scores in (
        SCORES.astype(np.float32),
        SCORES * 1e300,
        np.array([-np.inf, 2, 3, np.inf]),
        np.array([1, 2, 3, 4]),
    ):
        assert anomaly.auroc(scores, TRUTH) == 0.75
        assert anomaly.average_precision(scores, TRUTH) == pytest.approx(5 / 6)
    failed = np.array([1, 2, 3, np.nan])
    assert anomaly.auroc(failed, TRUTH) == 0.75
    assert np.isnan(failed[3])  # what was given is left alone


@pytest.mark.parametrize("truth", [np.zeros(4, bool), np.ones(4, bool), np.zeros(0, bool)])
def test_one_kind_alone_has_no_answer(truth: Array) -> None:
    scores = SCORES[: len(truth)]
    assert anomaly.auroc(scores, truth) is None
    assert anomaly.average_precision(scores, truth) is None
    assert anomaly.roc(scores, truth) is None


def test_threshold_by_hand() -> None:
    scores = np.arange(1.0, 101)[::-1]
    assert anomaly.threshold(scores) == 95
    assert anomaly.threshold(scores, 1.0) == 100
    assert anomaly.threshold(scores, 0.0) == 1
    assert anomaly.threshold(np.array([3.0])) == 3
    assert anomaly.threshold(np.append(np.zeros(99), np.inf)) == 0
    assert anomaly.threshold(np.array([0, np.inf, np.nan])) == np.inf
    with pytest.raises(ValueError, match="no scores"):
        anomaly.threshold(np.zeros(0))


@given(any_scores, st.floats(0.01, 1))
def test_threshold_is_the_least_that_flags_few_enough(values: list[float], quantile: float) -> None:
    scores = np.array(values)
    found = anomaly.threshold(scores, quantile)
    assert found in scores
    assert (scores > found).mean() <= 1 - quantile + 1e-9
    assert (scores < found).mean() < quantile + 1e-9


def test_threshold_of_gaussian_scores(rng: np.random.Generator) -> None:
    assert anomaly.threshold(rng.normal(size=100_000)) == pytest.approx(scipy.stats.norm.ppf(0.95), abs=0.02)


def test_at_threshold_by_hand() -> None:
    at = anomaly.at_threshold
    assert at(SCORES, TRUTH, 1.0) == {"threshold": 1.0, "precision": pytest.approx(2 / 3), "recall": 1.0}
    assert at(SCORES, TRUTH, 2.0) == {"threshold": 2.0, "precision": 0.5, "recall": 0.5}  # above, not at
    assert at(SCORES, TRUTH, 4.0) == {"threshold": 4.0, "recall": 0.0}
    assert at(SCORES, np.zeros(4, bool), 1.0) == {"threshold": 1.0, "precision": 0.0}
    assert at(SCORES, np.zeros(4, bool), 4.0) == {"threshold": 4.0}
    assert at(np.array([1, 2, np.nan, np.inf]), TRUTH, 2.0) == {"threshold": 2.0, "precision": 0.5, "recall": 0.5}


def test_rates_by_hand() -> None:
    assert anomaly.rates(SCORES, TRUTH, 1.0) == (0.5, 1.0)
    assert anomaly.rates(SCORES, TRUTH, 2.0) == (0.5, 0.5)  # above, not at
    assert anomaly.rates(SCORES, TRUTH, 4.0) == (0.0, 0.0)
    assert anomaly.rates(np.array([1, 2, np.nan, np.inf]), TRUTH, 2.0) == (0.5, 0.5)


def test_rates_are_a_point_of_the_curve(rng: np.random.Generator) -> None:
    scores, truth = shifted(rng, 1.0, 400)
    curve = anomaly.roc(scores, truth, len(scores))
    assert curve is not None
    for threshold in (-1.0, 0.3, 2.0):
        false_positive, true_positive = anomaly.rates(scores, truth, threshold)
        assert true_positive == anomaly.at_threshold(scores, truth, threshold)["recall"]
        walked = np.interp(false_positive + true_positive, curve[0] + curve[1], curve[0])
        assert walked == pytest.approx(false_positive, abs=1e-12)


def test_roc_by_hand() -> None:
    curve = anomaly.roc(SCORES, TRUTH)
    assert curve is not None
    assert curve[0].tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve[1].tolist() == [0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize("points", [2, 3, 50, 200])
def test_a_thinned_curve_is_the_curve(rng: np.random.Generator, points: int) -> None:
    scores, truth = shifted(rng, 1.0)
    curve = anomaly.roc(scores, truth, points)
    assert curve is not None
    assert len(curve[0]) == len(curve[1]) <= points
    assert [(rates[0], rates[-1]) for rates in curve] == [(0, 1), (0, 1)]
    assert all((np.diff(rates) >= 0).all() for rates in curve)
    whole = roc_curve(truth, scores)[:2]
    assert set(zip(*curve, strict=True)) <= set(zip(*whole, strict=True))
    assert np.diff(curve[0] + curve[1]).max() < 2 / (points - 1) + 0.01


def test_the_area_under_the_thinned_curve_is_auroc(rng: np.random.Generator) -> None:
    scores, truth = shifted(rng, 1.0)
    curve = anomaly.roc(scores, truth)
    assert curve is not None
    assert np.trapezoid(curve[1], curve[0]) == pytest.approx(anomaly.auroc(scores, truth), abs=1e-3)


def test_a_curve_has_two_ends() -> None:
    with pytest.raises(ValueError, match="1 points"):
        anomaly.roc(SCORES, TRUTH, 1)
