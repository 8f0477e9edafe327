"""Draw the pictures of docs/lessons.md: `python -m benchmarks.lessons`, where the study lessons has been reproduced."""

from pathlib import Path

from latentlab.config import paths
from latentlab.config.studies import folder_of
from latentlab.figures.examples import SHOWN, shown
from latentlab.figures.images import rows
from latentlab.storage.figure import write_figure
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz

STUDY = "lessons"
PICTURES = Path("docs/images")
RECONSTRUCTED = ("adam", "adadelta", "adadelta_slow", "sparse", "sparse_sum", "code_2", "pca_2", "vae")
DRAWN = ("vae", "vae_kl_mean", "vae_tenth", "vae_exp", "vae_16", "vae_16_kl_mean")


def main() -> None:
    """Write one picture of reconstructions and one of images from random codes."""
    folder = folder_of(STUDY)
    test = read_npz(folder / paths.prepared("test"))
    chosen = shown(test, SHOWN)
    strips: dict[str, Array] = {"original": test["images"][chosen] / 255}
    strips |= {name: read_npz(folder / paths.decoded(name))["reconstructions"][chosen] for name in RECONSTRUCTED}
    random = {name: read_npz(folder / paths.decoded(name))["random"][:SHOWN] for name in DRAWN}
    write_figure(PICTURES / "lessons_reconstructions.png", rows(strips, f"{STUDY}: the same ten test images"))
    write_figure(
        PICTURES / "lessons_random_codes.png", rows(random, f"{STUDY}: images from codes drawn from the prior")
    )


if __name__ == "__main__":
    main()
