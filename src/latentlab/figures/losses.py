"""Loss curves."""

from matplotlib.figure import Figure

from latentlab.figures.style import COLOURS, figure
from latentlab.storage.memory import Array

TITLES = {"loss": "loss", "reconstruction_loss": "reconstruction loss", "kl_loss": "KL divergence"}


def losses(history: dict[str, Array], unit: str, best_epoch: int, title: str) -> Figure:
    """Training and validation curves over epochs, a panel for each term of the loss that `history` holds.

    `history` has columns (epochs,) `epoch`, `loss`, `validation_loss` and so on.
    """
    terms = [name for name in TITLES if name in history]
    if "kl_loss" not in history and (history["loss"] == history["reconstruction_loss"]).all():
        terms = ["loss"]
    drawing = figure(4.6 * len(terms), 3.6, title)
    for axes, name in zip(drawing.subplots(1, len(terms), squeeze=False)[0], terms, strict=True):
        axes.plot(history["epoch"], history[name], color=COLOURS[0], marker=".", label="training")
        axes.plot(
            history["epoch"], history[f"validation_{name}"], "--", color=COLOURS[1], marker=".", label="validation"
        )
        axes.axvline(best_epoch, color="0.6", linestyle=":", label=f"best epoch ({best_epoch})")
        axes.set(xlabel="epoch", ylabel=f"{TITLES[name]} ({unit})")
        axes.grid(alpha=0.3)
        axes.legend()
    return drawing
