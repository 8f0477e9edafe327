"""How far numbers may be apart to be called the same but for rounding: all of it stands here, each with its reason.

Nothing here makes a result a match: that takes the same bytes. It tells rounding from another result.
"""

from dataclasses import dataclass

RELATIVE, OF_LARGEST, ABSOLUTE, LEVELS = "relative", "of the largest", "absolute", "of 255 levels"


@dataclass(frozen=True)
class Tolerance:
    """The largest difference that counts as rounding, and how differences are measured."""

    allowed: float
    measure: str


# whole numbers, labels, names, images as bytes: no library rounds them
EXACT = Tolerance(0.0, ABSOLUTE)
# weights, features, images in [0, 1]: float32 has 6e-8, and sums of some hundred terms in another order stay below
# this; the largest magnitude of an array is the measure, as elements near 0 are differences of large ones
ARRAY = Tolerance(1e-5, OF_LARGEST)
# losses and metrics: means over many images, in which what rounding does to a training partly cancels
NUMBER = Tolerance(1e-3, RELATIVE)
# shares of images: one that lies on the border between two classes moves by rounding, some of a thousand do
SHARE = Tolerance(5e-3, ABSOLUTE)
# t-SNE is chaotic: features changed by 6e-8 gave maps whose points lay elsewhere by half of the map, the KL divergence
# moved by 2 %, the trustworthiness by 0.002 and the accuracy by 0.010 (1,000 digits, 32 and 2 dimensions, 5 tries each)
DIVERGENCE = Tolerance(0.05, RELATIVE)
TRUSTWORTHINESS = Tolerance(5e-3, ABSOLUTE)
MAP_SHARE = Tolerance(0.02, ABSOLUTE)
# pictures: a value on the border of two levels is drawn as either, and blending with what lies below it adds one more
PICTURE = Tolerance(2.0, LEVELS)

# by the last parts of a number's path in its file
NUMBERS = {
    "tsne.kl_divergence": DIVERGENCE,
    "tsne.trustworthiness": TRUSTWORTHINESS,
    "tsne.knn_accuracy": MAP_SHARE,
    "latent.knn_accuracy": SHARE,
    "latent.linear_probe_accuracy": SHARE,
    "generation.precision": SHARE,
    "generation.recall": SHARE,
    "generation.coverage": SHARE,
    "validation_accuracy": SHARE,
    "test_accuracy": SHARE,
    "kl_divergence": DIVERGENCE,
}
# a map of other points than the committed one is as good if its features are within tolerance
MAP, MAP_OF = "embedding", "features"
# what a file says of the machine that made it, which is no part of the result
OF_MACHINE = frozenset({"device", "numerics"})
# the hashes that a training notes of what it has read, which are judged as what they are of, outputs of `prepare`
OF_PREPARED = "data.data/prepared/"


def of_number(place: str) -> Tolerance:
    """For the floating-point number at a place such as `tsne.knn_accuracy`."""
    return next((found for end, found in NUMBERS.items() if place == end or place.endswith(f".{end}")), NUMBER)


def is_no_result(place: str) -> bool:
    """Whether a place such as `training.numerics` says something of the machine, or of other files."""
    return place.rpartition(".")[2] in OF_MACHINE or place.startswith(OF_PREPARED)
