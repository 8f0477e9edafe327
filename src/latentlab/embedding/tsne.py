"""t-SNE, by the library that suits the number of points."""

from typing import Literal

import numpy as np

from latentlab.embedding import by_sklearn
from latentlab.embedding.scale import scale_of
from latentlab.storage.memory import Array

Method = Literal["auto", "sklearn", "opentsne"]
LARGE = 10_000  # points; scikit-learn's time grows faster from there on, and is minutes


def library_for(points: int, method: Method | None) -> Method:
    """The library of a method; of `auto`, or None, that for so many points.

    Studies of ordinary size keep the maps that scikit-learn has made of them.
    """
    return ("opentsne" if points > LARGE else "sklearn") if method in (None, "auto") else method


def embed(features: Array, perplexity: float, seed: int, method: Method | None = None) -> tuple[Array, float]:
    """Embedding (N, 2) float32 of features (N, D), and its KL divergence in nats.

    The divergence is van der Maaten and Hinton's (2008, equation 2), the sum of p ln(p / q) over pairs, in both
    libraries over those of which one is among the 3 * perplexity nearest neighbours of the other; p counts as 0 for the
    rest (van der Maaten 2014, section 4.1). The sum that makes q a probability is approximated as the gradient is.

    Features that are all the same are one point, which is exact: all similarities are equal, in both spaces.
    """
    if scale_of(features).spread == 0:
        return np.zeros((len(features), 2), np.float32), 0.0
    if library_for(len(features), method) == "sklearn":
        return by_sklearn.embed(features, perplexity, seed)
    from latentlab.embedding import by_opentsne  # a second, which small studies save

    return by_opentsne.embed(features, perplexity, seed)
