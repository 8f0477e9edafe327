"""The one place that says where a file lives, relative to the project's root (where stages run)."""

from pathlib import Path

PARAMS = Path("params.yaml")
STUDIES = Path("studies")
REQUIREMENTS = Path("requirements.lock")
LOCK = Path("dvc.lock")
CARD = Path("data/prepared/card.json")
PLANS = Path("plan")
TRACKED = Path("data/runs.tracked")
RAW = Path("data/raw")
METRICS = Path("metrics")
PLOTS = Path("plots")


def plan(name: str) -> Path:
    """What a stage, `prepare` or `train@simple`, will be made from."""
    return PLANS / f"{name}.json"


def prepared(split: str) -> Path:
    """Images, labels and dataset rows of one split."""
    return Path(f"data/prepared/{split}.npz")


def encoder(variant: str) -> Path:
    """The trained encoder."""
    return Path(f"models/{variant}/encoder.keras")


def decoder(variant: str) -> Path:
    """The trained decoder."""
    return Path(f"models/{variant}/decoder.keras")


def history(variant: str) -> Path:
    """Losses, one row an epoch."""
    return Path(f"models/{variant}/history.csv")


def training(variant: str) -> Path:
    """What the training came to: parameter counts, epochs, the epoch that was kept."""
    return Path(f"models/{variant}/training.json")


def checkpoint(variant: str) -> Path:
    """The state of a training that goes on; no output of the pipeline, gone when the training is through."""
    return Path(f"checkpoints/{variant}.npz")


def latents(variant: str) -> Path:
    """Latent features with labels."""
    return Path(f"data/latents/{variant}.pkl")


def decoded(variant: str) -> Path:
    """Images that came out of the decoder."""
    return Path(f"data/decoded/{variant}.npz")


def embedding(variant: str) -> Path:
    """Latent features with their t-SNE embedding."""
    return Path(f"data/embeddings/{variant}.pkl")


def metrics(study: str, variant: str) -> Path:
    """The numbers of a variant."""
    return METRICS / study / f"{variant}.json"


def contact_sheet(study: str) -> Path:
    """Some images of each class."""
    return PLOTS / study / "prepare" / "contact_sheet.png"


def plots(study: str, variant: str) -> Path:
    """The folder with the pictures of a variant."""
    return PLOTS / study / variant


def comparison(study: str) -> Path:
    """The folder with the pictures of all variants side by side."""
    return PLOTS / study / "compare"
