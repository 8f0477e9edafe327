"""Centred kernel alignment."""

import numpy as np
import pytest

from latentlab.metrics.alignment import debiased_cka
from latentlab.storage.memory import Array


def by_kernels(x: Array, y: Array) -> float:
    """The same from whole kernels, as the paper writes it."""

    def hsic(k: Array, m: Array) -> float:
        n = len(k)
        k, m = k.copy(), m.copy()
        np.fill_diagonal(k, 0)
        np.fill_diagonal(m, 0)
        one = np.ones(n)
        together = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2))
        return float((np.trace(k @ m) + together - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3)))

    kernels = x @ x.T, y @ y.T
    return hsic(*kernels) / float(np.sqrt(hsic(kernels[0], kernels[0]) * hsic(kernels[1], kernels[1])))


def test_it_is_that_of_whole_kernels(rng: np.random.Generator) -> None:
    x = rng.normal(3, 1, size=(60, 5))
    y = np.tanh(x @ rng.normal(size=(5, 7))) + rng.normal(size=(60, 7))
    found = debiased_cka([x, y, x @ np.linalg.qr(rng.normal(size=(5, 5)))[0] * 1e30])
    assert found[0, 1] == pytest.approx(by_kernels(x, y))
    assert found[0, 1] == found[1, 0]
    assert found[0, 2] == pytest.approx(1)  # neither a rotation nor a scale counts
    assert np.diag(found).tolist() == [1, 1, 1]


def test_codes_that_have_nothing_to_do_with_each_other_come_to_nothing(rng: np.random.Generator) -> None:
    pairs = [debiased_cka([rng.normal(size=(50, 200)), rng.normal(size=(50, 300))])[0, 1] for _ in range(20)]
    assert np.mean(pairs) == pytest.approx(0, abs=0.05)  # the biased estimate is above 0.8 here


def test_there_is_none_where_a_code_does_not_vary_or_images_are_few(rng: np.random.Generator) -> None:
    found = debiased_cka([np.ones((9, 2)), rng.normal(size=(9, 2))])
    assert np.isnan(found).tolist() == [[True, True], [True, False]]
    assert np.isnan(debiased_cka([rng.normal(size=(3, 2))] * 2)).all()
    assert debiased_cka([]).shape == (0, 0)
