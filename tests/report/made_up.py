"""A study whose arrays are made up, so that its page takes no training."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.networks.codes import fine_axes, grid
from latentlab.stages import plan
from latentlab.storage.csv import write_csv
from latentlab.storage.json import write_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import write_npz
from latentlab.storage.pickle import write_pickle
from tests.conftest import ROOT

LEVELS = (0.1, 0.25, 0.5, 0.75, 1)
DIGITS = tuple(str(digit) for digit in range(10))


class MadeUp(NamedTuple):
    """What stands in the files: images (n, H, W, C) uint8, codes (n, D) and reconstructions by variant."""

    images: Array
    labels: Array | None
    rows: Array
    codes: dict[str, Array]
    maps: dict[str, Array]
    reconstructions: dict[str, Array]
    axes: Array
    grid: Array


def make_up(
    folder: Path,
    count: int = 120,
    shape: tuple[int, int, int] = (28, 28, 1),
    classes: tuple[str, ...] = DIGITS,
    variants: tuple[str, ...] = ("simple", "denoise", "vae"),
) -> MadeUp:
    """Write all that the stage `report` reads, in the current folder, which is `folder`; no classes, no labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % len(classes) if classes else None
    images = blobs(rng, count, shape)
    index = rng.permutation(10 * count)[:count]
    _write_study(variants)
    arrays = {"images": images, "index": index} | ({} if labels is None else {"labels": labels})
    for split in paths.SPLITS:
        write_npz(paths.prepared(split), arrays if split == "test" else {name: a[:3] for name, a in arrays.items()})
    _write_card(count, shape, classes)
    write_json(paths.REFERENCES, {"median": {"denoising": {f"psnr_{level:g}": 20 - level for level in LEVELS}}})
    codes, maps, made = {}, {}, {}
    axes = decoded = np.empty(0)
    for variant in variants:
        flat = variant.startswith("vae")
        codes[variant] = rng.normal(size=(count, 2 if flat else 8)).astype(np.float32)
        maps[variant] = rng.normal(size=(count, 2)).astype(np.float32)
        made[variant] = np.clip(images / np.float32(255) * rng.uniform(0.4, 0.9), 0, 1).astype(np.float32)
        outputs: dict[str, Array] = {"reconstructions": made[variant], "random": made[variant][:100]}
        if variant == "denoise":
            outputs["noisy"] = np.clip(made[variant] + rng.normal(0, 0.5, images.shape), 0, 1).astype(np.float32)
        if flat:
            axes = fine_axes(codes[variant], True)
            decoded = _decoded(axes, shape)
            outputs |= {"z_mean": codes[variant], "z_log_var": codes[variant] * 0, "sampled": made[variant]}
            outputs |= {"fine_axes": axes, "fine_grid": decoded, "linear_axes": axes[:, ::12]}
            outputs["linear_grid"] = (decoded[::12, ::12] / 255).astype(np.float32)
        write_npz(paths.decoded(variant), outputs)
        used = {f"denoised_{level:g}": made[variant][:50] for level in LEVELS}
        write_npz(paths.uses(variant), used | {"quantised_mse": np.zeros(min(50, count))})
        embedded = {"features": codes[variant], "embedding": maps[variant], "index": index, "labels": labels}
        write_pickle(paths.embedding(variant), embedded | {"split": np.repeat("test", count), "kl_divergence": 1.0})
        _write_numbers(variant, rng)
    return MadeUp(images, labels, index, codes, maps, made, axes, decoded)


def blobs(rng: np.random.Generator, count: int, shape: tuple[int, int, int]) -> Array:
    """A bright spot on a dark ground, somewhere else in each image, (count, H, W, C) uint8."""
    height, width, channels = shape
    y, x = np.mgrid[:height, :width]
    centres = rng.uniform(0.2, 0.8, (count, 2, 1, 1)) * np.array([height, width]).reshape(1, 2, 1, 1)
    distance = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2  # (count, H, W)
    spots = np.exp(-distance / (height * width / 60))[..., None] * rng.uniform(0.6, 1, (count, 1, 1, channels))
    return np.asarray(np.rint(spots * 255), np.uint8)


def _decoded(axes: Array, shape: tuple[int, int, int]) -> Array:
    """A ramp across and down that tells of which code an image is, (s, s, H, W, C) uint8."""
    side = axes.shape[1]
    codes = grid(axes)
    share = (codes - codes.min(0)) / np.ptp(codes, axis=0)  # (s * s, 2)
    height, width, channels = shape
    rows, columns = np.linspace(0, 1, height)[None, :, None], np.linspace(0, 1, width)[None, None, :]
    images = 40 + 100 * share[:, :1, None] * columns + 100 * share[:, 1:, None] * rows  # (s * s, H, W)
    return np.repeat(np.rint(images)[..., None], channels, axis=3).astype(np.uint8).reshape(side, side, *shape)


def _write_study(variants: tuple[str, ...]) -> None:
    content = YAML(typ="safe", pure=True).load(ROOT / "studies/tiny/params.yaml")
    content["variants"] = {variant: content["variants"][variant] for variant in variants}
    write_json(paths.PARAMS, content)  # which is YAML, in this order
    plan.main()


def _write_card(count: int, shape: tuple[int, int, int], classes: tuple[str, ...]) -> None:
    names = {str(number): name for number, name in enumerate(classes)}
    write_json(paths.CLASSES, names)
    card: dict[str, Any] = {"dataset": "made_up", "source": "a <b>test</b>", "sha256": {"images": "0" * 64}}
    card |= {"images": count, "image_shape": list(shape), "classes": names}
    write_json(paths.CARD, card | {"splits": {split: {"images": count} for split in paths.SPLITS}})


def _write_numbers(variant: str, rng: np.random.Generator) -> None:
    epochs = np.arange(1, 6)
    losses = {"loss": 1 / epochs, "reconstruction_loss": 1 / epochs, "validation_reconstruction_loss": 1.1 / epochs}
    if variant.startswith("vae"):
        losses |= {"kl_loss": epochs / 10}
    write_csv(
        paths.history(variant), [{"epoch": float(e), **{n: float(c[e - 1]) for n, c in losses.items()}} for e in epochs]
    )
    write_json(paths.training(variant), {"variational": variant.startswith("vae")})
    psnr = {f"{name}_{level:g}": 20 - level for level in LEVELS for name in ("psnr", "psnr_noisy")}
    metrics: dict[str, dict[str, Any]] = {
        "training": {"parameters": int(rng.integers(10, 10**6)), "epochs": 5, "numerics": "portable 0"},
        "reconstruction": {"bce": float(rng.uniform(0.1, 0.3))},
        "latent": {"dim": 2, "knn_accuracy": float(rng.uniform())},
        "denoising": psnr,
    }
    write_json(paths.metrics(variant), metrics)
