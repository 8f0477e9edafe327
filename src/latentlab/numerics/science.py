"""The numerical fingerprint of numpy, scipy, scikit-learn and openTSNE, of which no training needs to know."""

from typing import Any

import numpy as np
import openTSNE
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

from latentlab.numerics.fingerprint import MANY, SEED, arrays, hash_of


def of_science() -> dict[str, str]:
    """Hashes of their kernels by name, as `tsne`, `evaluate` and pictures use them."""
    x, y, many = arrays(((200, 32), (32, 16), MANY))
    labels = np.arange(200) % 4
    probe = LogisticRegression(max_iter=20, tol=0.1).fit(x, labels)
    results = {
        "numpy, product": x @ y,
        "numpy, product in float64": x.astype(np.float64) @ y,
        "numpy, singular values": np.linalg.svd(x.astype(np.float64), compute_uv=False),
        "numpy, exponentials and logarithms": np.log1p(np.exp(many.astype(np.float64))),
        "numpy, sums": np.concatenate([x.sum(0), x.mean(1), x.var(0)]),
        "numpy, order of equals": np.argsort(np.round(many)),
        "scipy, inverse normal": ndtri((many.astype(np.float64) + 4.5) / 9),
        "scikit-learn, neighbours": KNeighborsClassifier(5).fit(x, labels).predict(x[:50] + y[0, 0]),
        "scikit-learn, logistic regression": probe.coef_,
        "scikit-learn, t-SNE": TSNE(perplexity=10, random_state=SEED, max_iter=250).fit_transform(x),
        "openTSNE, tree": _open_tsne(x, "bh", 250),
        "openTSNE, grid": _open_tsne(x, "fft", 20),
    }
    return {name: hash_of(np.asarray(result)) for name, result in results.items()}


def _open_tsne(x: np.ndarray[Any, Any], gradient: str, steps: int) -> np.ndarray[Any, Any]:
    """So many steps with exaggerated similarities, and as many without."""
    steps_of = {"early_exaggeration_iter": steps, "n_iter": steps}
    model = openTSNE.TSNE(2, 10, neighbors="exact", negative_gradient_method=gradient, random_state=SEED, **steps_of)
    return np.asarray(model.fit(x))
