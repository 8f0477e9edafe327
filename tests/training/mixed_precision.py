"""Training in mixed precision, for a process under `numerics: native`: `test_training.py` starts it."""

from typing import Any

import numpy as np
import pytest

from latentlab.numerics import portable
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages.train import build, in_precision
from latentlab.training.fit import fit
from tests.training.test_training import TRAIN, VALIDATION, trained, variant


@pytest.mark.parametrize("name", ["simple", "conv", "vae"])
def test_it_keeps_float32_models_and_nearly_the_loss(tiny: dict[str, Any], name: str) -> None:
    assert portable.in_force() == "native"
    v = variant(tiny, name, epochs=8)
    _, result = trained(v, xla=True)
    start_tensorflow(42, threads=1)
    plain = build(v, (8, 8, 1))
    mixed = in_precision(plain, v, (8, 8, 1), "mixed_bfloat16")
    assert mixed.decoder.compute_dtype == "bfloat16"
    assert {weight.dtype for weight in mixed.get_weights()} == {np.dtype(np.float32)}
    other = fit(mixed, TRAIN, VALIDATION, v, 42)
    assert other.kept["validation_loss"] == pytest.approx(result.kept["validation_loss"], rel=0.01)
    assert other.kept["validation_loss"] != result.kept["validation_loss"]
    assert plain.encoder.compute_dtype == "float32"
