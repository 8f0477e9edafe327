"""The numerical fingerprint of numpy, scipy and scikit-learn, of which no training needs to know."""

import numpy as np
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

from latentlab.numerics.fingerprint import MANY, SEED, arrays, hash_of


def of_science() -> dict[str, str]:
    """Hashes of the kernels of numpy, scipy and scikit-learn by name, as `tsne`, `evaluate` and pictures use them."""
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
    }
    return {name: hash_of(np.asarray(result)) for name, result in results.items()}
