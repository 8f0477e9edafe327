"""Metrics: which are the main ones, what MLflow calls them, which way each is better."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.errors import UserError


@dataclass(frozen=True)
class Column:
    """A metric: where it stands in the JSON file, its heading, its format and which way is better."""

    group: str
    name: str
    heading: str
    format: str
    better: str = ""

    @property
    def tracked(self) -> str:
        """Its name in MLflow."""
        return tracked(self.group, self.name)

    @property
    def dotted(self) -> str:
        """Its name in the JSON file, `reconstruction.bce`."""
        return f"{self.group}.{self.name}"


def tracked(group: str, name: str) -> str:
    """What MLflow calls a metric: `test/bce` stands for the reconstruction of test images."""
    return f"{'test' if group == 'reconstruction' else group}/{name}"


COLUMNS = (
    Column("training", "parameters", "parameters", ",d"),
    Column("training", "epochs", "epochs", "d"),
    Column("latent", "dim", "code", "d"),
    Column("reconstruction", "bce", "test BCE", ".4f", "↓"),
    Column("reconstruction", "ssim", "SSIM", ".3f", "↑"),
    Column("latent", "knn_accuracy", "k-NN accuracy", ".3f", "↑"),
    Column("latent", "linear_probe_accuracy", "linear probe", ".3f", "↑"),
    Column("tsne", "knn_accuracy", "t-SNE k-NN", ".3f", "↑"),
    Column("vae", "elbo", "ELBO", ".1f", "↑"),
)

USES = (
    Column("denoising", "psnr_0.5", "dB at noise 0.5", ".2f", "↑"),
    Column("denoising", "ssim_0.5", "SSIM there", ".3f", "↑"),
    Column("retrieval", "precision_at_10", "precision at 10", ".3f", "↑"),
    Column("retrieval", "mean_average_precision", "mean AP", ".3f", "↑"),
    Column("anomaly", "auroc", "anomaly AUROC", ".3f", "↑"),
    Column("compression", "bits", "bits", ",d"),
    Column("compression", "mse", "MSE there", ".4f"),
    Column("compression", "jpeg_bits", "JPEG's bits", ",d"),
    Column("generation", "frechet", "Fréchet", ".1f", "↓"),
    Column("generation", "coverage", "coverage", ".3f", "↑"),
    Column("vae", "iwae_50", "IWAE 50", ".1f", "↑"),
)

OTHERS = {  # which way is better, of metrics that are not in the table
    "loss": "↓",
    "validation_loss": "↓",
    "test/mse": "↓",
    "test/psnr": "↑",
    "tsne/kl_divergence": "↓",
    "tsne/trustworthiness": "↑",
    "tsne/continuity": "↑",
    "tsne/neighbourhood_hit": "↑",
    "latent/silhouette": "↑",
    "compression/bits": "↓",
    "compression/mse": "↓",
    "generation/precision": "↑",
    "generation/recall": "↑",
    "generation/density": "↑",
    "anomaly/average_precision": "↑",
    "anomaly/elbo_auroc": "↑",
    "vae/iwae_500": "↑",
    "training/validation_bce": "↓",
}

LEVELS = ("denoising/psnr_", "denoising/ssim_")

NEUTRAL = ("latent/mean_activation",)  # of which neither way is better
OTHER_FORMAT = ".4g"  # of what is in no table

SELECTION = "training/validation_bce"  # nats a pixel for every variant, of the epoch that was kept
GROUPS = ("test", "latent", "tsne", "vae", "retrieval", "denoising", "compression", "generation", "anomaly")
ON_TEST_IMAGES = tuple(f"{group}/" for group in GROUPS)


def better(metric: str) -> str:
    """Whether less (↓) or more (↑) is better of a metric by its name in MLflow. Raises `UserError` if neither is."""
    ways = {column.tracked: column.better for column in (*COLUMNS, *USES) if column.better} | OTHERS
    if metric.startswith(LEVELS):  # psnr_0.5 of denoising, and so on
        return "↑"
    if metric not in ways:
        raise UserError(f"metric: found {metric!r}, allowed: {', '.join(sorted(ways))}")
    return ways[metric]


def column_of(metric: str) -> Column:
    """A metric by its name in the JSON file, `reconstruction.mse`, whether a table has it or not.

    Raises `UserError` if it is in none and it is not known which way is better of it.
    """
    found = next((column for column in (*COLUMNS, *USES) if column.dotted == metric), None)
    if found:
        return found
    group, _, name = metric.partition(".")
    way = "" if tracked(group, name) in NEUTRAL else better(tracked(group, name))
    return Column(group, name, metric, OTHER_FORMAT, way)


def names(levels: Collection[float]) -> list[str]:
    """The metrics that `column_of` takes, with denoising at these levels of noise."""
    columns = {column.dotted for column in (*COLUMNS, *USES) if column.group != "denoising"}
    others = {name.replace("test/", "reconstruction/").replace("/", ".") for name in (*OTHERS, *NEUTRAL) if "/" in name}
    denoising = {f"{prefix.replace('/', '.')}{level:g}" for prefix in LEVELS for level in levels}
    return sorted(columns | others | denoising)


def for_selection(metric: str) -> str:
    """The name in MLflow of a metric by which a model may be chosen, which is `validation_bce` alone.

    Raises `UserError` for any other, above all for those of test images: the one that came out best by chance would be
    chosen, and its numbers would tell too much good of it.
    """
    short = SELECTION.rpartition("/")[2]
    if metric in (SELECTION, short):
        return SELECTION
    if metric.startswith(ON_TEST_IMAGES):
        reason = ", which is measured on the test split, and that is for the model once it is chosen;"
    else:
        reason = ","
    raise UserError(f"--register: found {metric!r}{reason} allowed: {short}")


def by_tracked_name(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """All numbers of a variant as MLflow has them; words, as the class of arithmetic, are left out."""
    return {
        tracked(group, name): value
        for group, values in metrics.items()
        for name, value in values.items()
        if not isinstance(value, str)
    }
