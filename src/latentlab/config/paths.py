"""The one place that says where a file lives: relative to its study's folder, where stages run, unless it says else."""

from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
PUBLISHED = Path("published.yaml")  # the user's, where there is one
TABLES = Path("results.md")
LOCK = Path("dvc.lock")
CARD = Path("data/prepared/card.json")
CLASSES = Path("data/prepared/classes.json")  # names of classes by their number; none without labels
CLASSIFIER = Path("data/classifier/classifier.keras")
CLASSIFIER_TRAINING = Path("data/classifier/training.json")  # its size, epochs and accuracies
CLASSIFIED = Path("data/classifier/test.npz")  # what it makes of the test images; empty if there is none
PLANS = Path("plan")
TRACKED = Path("data/runs.tracked")
DATA = Path("data")
RAW = Path("data/raw")
RAW_USED = Path("data/prepared/raw.json")  # its hash, when it was read
REPORT = Path("report/index.html")  # the page
METRICS = Path("metrics")
SPLITS = ("train", "validation", "test")
REFERENCES = METRICS / "references.json"  # of what is no variant: mean image, median filter, PNG and so on
PLOTS = Path("plots")
MODELS = Path("models")
CHECKPOINTS = Path("checkpoints")
LOGS = Path("logs")
SECONDS = Path("logs/seconds.json")  # that each stage took

SWEEPS = Path("sweeps")  # a folder for the table and the picture of each sweep

# of the project
STUDIES = Path("studies")
INDEX = STUDIES / "index.html"  # the page that leads to each study's
REQUIREMENTS = Path("requirements.lock")
DOWNLOADS = Path("downloads")
RUNNER_LOCK = Path(".dvc/tmp/latentlab.lock")  # what the process holds that runs stages


def plan(name: str) -> Path:
    """What a stage, `prepare` or `train@simple`, will be made from."""
    return PLANS / f"{name}.json"


def prepared(split: str) -> Path:
    """Images, labels and dataset rows of one split."""
    return Path(f"data/prepared/{split}.npz")


def encoder(variant: str) -> Path:
    """The trained encoder."""
    return MODELS / f"{variant}/encoder.keras"


def decoder(variant: str) -> Path:
    """The trained decoder."""
    return MODELS / f"{variant}/decoder.keras"


def history(variant: str) -> Path:
    """Losses, one row an epoch."""
    return MODELS / f"{variant}/history.csv"


def training(variant: str) -> Path:
    """What the training came to: parameter counts, epochs, the epoch that was kept."""
    return MODELS / f"{variant}/training.json"


def checkpoint(variant: str) -> Path:
    """The state of a training that goes on; no output of the pipeline, gone when the training is through."""
    return CHECKPOINTS / f"{variant}.npz"


def log(name: str) -> Path:
    """What a stage, `prepare` or `train@simple`, said in the last run of the project's runner."""
    return LOGS / f"{name}.log"


def training_lock(variant: str) -> Path:
    """What the process holds that trains a variant, with its number."""
    return CHECKPOINTS / f"{variant}.lock"


def latents(variant: str) -> Path:
    """Latent features with labels."""
    return Path(f"data/latents/{variant}.pkl")


def decoded(variant: str) -> Path:
    """Images that came out of the decoder."""
    return Path(f"data/decoded/{variant}.npz")


def uses(variant: str) -> Path:
    """What comes of noisy images and of coarse codes, and how unlikely images are."""
    return Path(f"data/uses/{variant}.npz")


def embedding(variant: str) -> Path:
    """Latent features with their t-SNE embedding."""
    return Path(f"data/embeddings/{variant}.pkl")


def metrics(variant: str) -> Path:
    """The numbers of a variant."""
    return METRICS / f"{variant}.json"


def contact_sheet() -> Path:
    """Some images of each class."""
    return PLOTS / "prepare" / "contact_sheet.png"


def plots(variant: str) -> Path:
    """The folder with the pictures of a variant."""
    return PLOTS / variant


def comparison() -> Path:
    """The folder with the pictures of all variants side by side."""
    return PLOTS / "compare"
