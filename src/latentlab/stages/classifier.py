"""Stage `classifier`: a small net learns the classes; by its features generated images are compared with real ones.

It is one for all variants and sees no autoencoder.
"""

from typing import TYPE_CHECKING

import numpy as np

from latentlab.config import paths
from latentlab.config.stages import ForClassifier
from latentlab.networks.apply import outputs
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.pipeline.plan import check_unchanged, read_parameters
from latentlab.stages._command import run
from latentlab.storage.json import write_json
from latentlab.storage.keras import write_keras
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz, write_npz

if TYPE_CHECKING:
    import keras


def main() -> str:
    """Write `data/classifier/`: the model, its accuracies, and what it makes of the test images.

    Where there are no two classes there is nothing to learn, and the last of these files has no arrays.
    """
    p = read_parameters(ForClassifier)
    splits = {split: read_npz(paths.prepared(split)) for split in paths.SPLITS}
    classes = np.unique(splits["train"].get("labels", []))
    if len(classes) < 2:
        write_npz(paths.CLASSIFIED, {})
        return "classifier: nothing to learn, as there are no labels of two classes or more"
    classifier = trained(p, splits["train"], classes)
    judged = {split: judge(classifier, splits[split]["images"], classes) for split in paths.SPLITS[1:]}
    accuracies = {
        f"{split}_accuracy": float((found["predictions"] == splits[split]["labels"]).mean())
        for split, found in judged.items()
    }
    write_keras(paths.CLASSIFIER, classifier)
    write_npz(paths.CLASSIFIED, judged["test"])
    about = {"parameters": classifier.count_params(), "epochs": p.classifier.epochs, **accuracies}
    write_json(paths.CLASSIFIER_TRAINING, about)
    return f"classifier: {len(classes)} classes, test accuracy {accuracies['test_accuracy']:.3f}"


def trained(p: ForClassifier, train: dict[str, Array], classes: Array) -> "keras.Model":
    """The classifier of these `classes` (K,), their numbers in order, after its epochs on the training split."""
    start_tensorflow(p.seed, p.threads)
    from latentlab.networks.classifier import build
    from latentlab.training.classifier import fit

    check_unchanged(p.stage)  # once more, now that all is imported
    classifier = build(train["images"].shape[1:], len(classes))
    numbers = np.searchsorted(classes, train["labels"])  # (N,) from 0 on
    fit(classifier, train["images"], numbers, p.classifier.epochs, p.classifier.batch_size)
    return classifier


def judge(classifier: "keras.Model", images: Array, classes: Array) -> dict[str, Array]:
    """Features (n, 64) float32 of images (n, H, W, C), and the likeliest of the `classes` for each (n,)."""
    features, logits = outputs(classifier, images)
    return {"features": features, "predictions": classes[logits.argmax(axis=1)]}


if __name__ == "__main__":
    run(main)
