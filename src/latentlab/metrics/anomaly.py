"""How well a score tells anomalies from normal images.

Scores are (N,), higher for what is less normal: an image's reconstruction error, say, or its negative ELBO in nats.
`truth` is (N,), true for anomalies. Only the order of scores counts, so infinite ones are as good as others; one that
is not a number counts as infinite, as a model that fails on an image has not found it normal.
"""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from latentlab.storage.memory import Array


def auroc(scores: Array, truth: Array) -> float | None:
    """Chance, in [0, 1], that an anomaly scores higher than a normal image, ties counting as half.

    It is the area under the ROC curve (Hanley and McNeil 1982), 0.5 for a score that says nothing. None unless both
    kinds are there.
    """
    return float(roc_auc_score(truth, _ranks(scores))) if _both_kinds(truth) else None


def average_precision(scores: Array, truth: Array) -> float | None:
    """Sum over thresholds of precision times the recall gained, in [0, 1], as scikit-learn defines it.

    A score that says nothing has the share of anomalies. Equal scores are one threshold. None unless both kinds are
    there.
    """
    return float(average_precision_score(truth, _ranks(scores))) if _both_kinds(truth) else None


def threshold(validation_scores: Array, quantile: float = 0.95) -> float:
    """The least score of normal validation images (N,) that a share `quantile` of them does not exceed.

    This is numpy's `inverted_cdf`, Hyndman and Fan's (1996) first definition: always one of the scores, hence defined
    among infinite ones, and no more than a share of 1 - `quantile` lies above it. Raises ValueError where there is no
    score and for a quantile outside of [0, 1].
    """
    if not len(validation_scores):
        raise ValueError("no scores")
    return float(np.quantile(_numbers(validation_scores), quantile, method="inverted_cdf"))


def at_threshold(scores: Array, truth: Array, threshold: float) -> dict[str, float]:
    """`threshold` with the precision and the recall of flagging all that scores above it, both in [0, 1].

    There is no `precision` where nothing is flagged, and no `recall` where nothing is an anomaly.
    """
    flagged, truth = _numbers(scores) > threshold, truth.astype(bool)
    found = int((flagged & truth).sum())
    shares = {"precision": int(flagged.sum()), "recall": int(truth.sum())}
    return {"threshold": threshold, **{name: found / whole for name, whole in shares.items() if whole}}


def rates(scores: Array, truth: Array, threshold: float) -> tuple[float, float]:
    """False and true positive rates, in [0, 1], of flagging all that scores above a threshold.

    That is a point of the ROC curve. Both kinds have to be there.
    """
    flagged, truth = _numbers(scores) > threshold, truth.astype(bool)
    return float(flagged[~truth].mean()), float(flagged[truth].mean())


def roc(scores: Array, truth: Array, points: int = 200) -> tuple[Array, Array] | None:
    """False and true positive rates (P,) of the ROC curve from (0, 0) to (1, 1), P at most `points`.

    Corners of the curve stay as they are; where there are too many, those at even steps along the curve are kept. None
    unless both kinds are there. Raises ValueError for fewer than 2 points.
    """
    if points < 2:
        raise ValueError(f"{points} points")
    if not _both_kinds(truth):
        return None
    false_positive, true_positive, _ = roc_curve(truth, _ranks(scores))
    if len(false_positive) <= points:
        return false_positive, true_positive
    walked = false_positive + true_positive  # from 0 to 2 and never back
    kept = np.unique(np.searchsorted(walked, np.linspace(0, 2, points)))
    return false_positive[kept], true_positive[kept]


def _both_kinds(truth: Array) -> bool:
    return bool(truth.any() and not truth.all())


def _numbers(scores: Array) -> Array:
    scores = scores.astype(np.float64)
    scores[np.isnan(scores)] = np.inf
    return scores


def _ranks(scores: Array) -> Array:
    """Whole numbers in the order of the scores, equal for equal ones: scikit-learn takes no infinite scores."""
    ranks: Array = np.unique(_numbers(scores), return_inverse=True)[1]
    return ranks
