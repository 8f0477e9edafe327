"""The contract of a study: all variants through every stage, on a few hundred digits."""

import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from latentlab.config import params, paths
from latentlab.errors import UserError
from latentlab.numerics.tensorflow import start_tensorflow
from latentlab.stages import evaluate, extract, plan, plot, track, train, tsne
from latentlab.storage.csv import read_csv
from latentlab.storage.json import read_json
from latentlab.storage.keras import read_keras
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.tracking import glance as glancing
from latentlab.tracking.glance import glance
from latentlab.tracking.models import logged
from latentlab.tracking.place import Place
from latentlab.tracking.store import Store
from tests.conftest import ROOT, enter_copy
from tests.locks import write_lock

pytestmark = pytest.mark.slow

VARIANTS = list(params.load(ROOT / "studies/tiny/params.yaml").variants)
BASELINES = {"pca", "raw"}
CODES = {"conv": (4, 4, 8), "denoise": (7, 7, 32), "vae": (2,), "vae_conv": (2,), "vae_deconv": (2,), "raw": (784,)}
CLASSIFIERS = {"knn_accuracy", "linear_probe_accuracy"}
LOSSES = {"loss", "validation_loss", "validation_bce"}
Held = dict[str, glancing.Held]
each_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="module", autouse=True)
def study(tiny_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tiny study, run, and not yet in MLflow; the process stays in its folder."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        enter_copy(tiny_results, root, patch)
        (root / "mlflow.db").unlink()
        start_tensorflow(seed=42, threads=1)
        yield root


def load(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


@each_variant
def test_history_has_a_row_an_epoch(variant: str) -> None:
    history = read_csv(paths.history(variant))
    settings = params.load().variant(variant)
    solved = {"pca": [0], "raw": []}  # a row for the solution, none where there is nothing to solve
    expected = list(range(1, settings.training.epochs + 1)) if settings.trains else solved[variant]
    assert history["epoch"].tolist() == expected
    names = {"loss", "reconstruction_loss"} | ({"kl_loss"} if variant.startswith("vae") else set())
    assert set(history) == {"epoch", *names, *(f"validation_{name}" for name in names)}


@each_variant
def test_features_are_plain_and_aligned_with_the_data(variant: str) -> None:
    latents = load(paths.latents(variant))
    shape = CODES.get(variant, (32,))
    assert set(latents) == {"variant", "features", "labels", "split", "index", "latent_shape"}
    assert (latents["variant"], latents["latent_shape"]) == (variant, shape)
    assert latents["features"].shape == (270, np.prod(shape))
    assert latents["features"].dtype == np.float32
    for split in ("train", "test"):
        arrays, rows = read_npz(paths.prepared(split)), latents["split"] == split
        assert (latents["labels"][rows] == arrays["labels"]).all()
        assert (latents["index"][rows] == arrays["index"]).all()


@each_variant
def test_features_are_what_the_saved_encoder_gives(variant: str) -> None:
    latents = load(paths.latents(variant))
    images = read_npz(paths.prepared("test"))["images"] / np.float32(255)
    outputs = read_keras(paths.encoder(variant))(images)
    code = np.asarray(outputs[0] if variant.startswith("vae") else outputs).reshape(60, -1)
    assert latents["features"][latents["split"] == "test"] == pytest.approx(code, abs=1e-5)


@each_variant
def test_embedding(variant: str) -> None:
    embedded = load(paths.embedding(variant))
    assert embedded["embedding"].shape == (60, 2)
    assert embedded["embedding"].dtype == np.float32
    assert set(embedded["split"]) == {"test"}
    assert embedded["kl_divergence"] > 0


@each_variant
def test_models_hold_nothing_of_this_package(variant: str) -> None:
    for path in (paths.encoder(variant), paths.decoder(variant)):
        with zipfile.ZipFile(path) as archive:
            assert "latentlab" not in archive.read("config.json").decode()


DENOISING = ("psnr", "ssim", "psnr_noisy", "ssim_noisy")
LIKENESS = ("frechet", "precision", "recall", "density", "coverage")


@each_variant
def test_metrics(variant: str) -> None:
    metrics = read_json(paths.metrics(variant))
    expected = {
        "reconstruction": {"bce", "mse", "psnr", "ssim", "mean_image_bce"},
        "latent": {"dim", "mean_activation", "sparsity", "active_units", "silhouette", *CLASSIFIERS},
        "tsne": {"kl_divergence", "trustworthiness", "continuity", "knn_accuracy", "neighbourhood_hit"},
        "retrieval": {"precision_at_10", "mean_average_precision"},
        "training": {"parameters", "epochs", "best_epoch", "numerics", *LOSSES},
        "denoising": {f"{name}_{level:g}" for name in DENOISING for level in (0.1, 0.25, 0.5, 0.75, 1)},
        "compression": {"bits", "mse"},
        "generation": {"nearest_distance", "test_nearest_distance", "copy_ratio", *LIKENESS},
    }
    metrics.get("compression", {}).pop("jpeg_bits", None)  # where a quality has the same error
    if variant == "raw":  # what gives back any image has reconstructed none
        for block in ("reconstruction", "denoising", "compression", "generation"):
            del expected[block]
        expected["training"] -= LOSSES
    assert {group: set(values) for group, values in metrics.items() if group != "vae"} == expected
    assert ("vae" in metrics) == variant.startswith("vae")
    if "vae" in metrics:
        vae = metrics["vae"]
        assert vae["elbo"] == pytest.approx(-(vae["reconstruction"] + vae["kl"]), rel=1e-4)
    assert metrics["training"]["parameters"] == sum(
        read_keras(path(variant)).count_params() for path in (paths.encoder, paths.decoder)
    )


@each_variant
def test_pictures(variant: str) -> None:
    names = {path.stem for path in paths.plots(variant).glob("*.png")}
    flat = {"latent", "manifold_linear", "manifold_quantile"} if variant.startswith("vae") else set()
    decoded = set() if variant == "raw" else {"reconstructions", "random_codes", "denoising"}
    assert names == {"codes", "tsne", "retrieval"} | decoded | flat | (set() if variant in BASELINES else {"losses"})


@each_variant
def test_images_of_a_fine_grid_of_plane_codes(variant: str) -> None:
    decoded = read_npz(paths.decoded(variant))
    assert ("fine_grid" in decoded) == (variant.startswith("vae"))
    if "fine_grid" in decoded:
        assert decoded["fine_grid"].shape == (60, 60, 28, 28, 1)
        assert decoded["fine_grid"].dtype == np.uint8
        for corner in ((0, 0), (-1, 0), (0, -1), (-1, -1)):  # row and column from the top left
            code = np.array([[decoded["fine_axes"][0][corner[1]], decoded["fine_axes"][1][::-1][corner[0]]]])
            decoder = read_keras(paths.decoder(variant))
            image = decoder(code.astype(np.float32)).numpy()[0] * 255
            assert np.abs(decoded["fine_grid"][corner] - image).max() <= 0.51


def test_the_denoising_variant_sees_noise_and_is_measured_against_clean_images() -> None:
    decoded, images = read_npz(paths.decoded("denoise")), read_npz(paths.prepared("test"))["images"] / 255
    assert 0.1 < np.abs(decoded["noisy"] - images).mean() < 0.4
    assert (decoded["noisy"].min(), decoded["noisy"].max()) == (0, 1)
    expected = evaluate.reconstruction_metrics(images, decoded["reconstructions"], images.mean(0), 60)["mse"]
    assert read_json(paths.metrics("denoise"))["reconstruction"]["mse"] == pytest.approx(expected, rel=1e-4)
    assert "noisy" not in read_npz(paths.decoded("conv"))


def test_comparison_and_card() -> None:
    names = {f"{name}.{kind}" for name in ("metrics", "reconstructions", "denoising") for kind in ("png", "svg")}
    assert {path.name for path in paths.comparison().iterdir()} == names
    assert read_json(paths.CARD)["dataset"] == "mnist_5k"


@pytest.fixture(scope="module")
def mirrored(study: Path, database: bytes) -> Held:
    """The runs of all variants, by name, in the study's own store."""
    (study / "mlflow.db").write_bytes(database)
    write_lock(VARIANTS)
    assert f" has {len(VARIANTS)} new runs, 0 extended and 0 unchanged" in track.main()
    return {held.tags["latentlab.variant"]: held for held in glance(Place.of(study), "tiny").values()}


def test_every_variant_is_a_run_and_tracking_again_writes_nothing(mirrored: Held, study: Path) -> None:
    assert set(mirrored) == set(VARIANTS)
    before = (study / "mlflow.db").read_bytes()
    assert track.main().startswith("track: nothing to do, ")
    assert (study / "mlflow.db").read_bytes() == before


@each_variant
def test_mlflow_loads_both_halves(variant: str, mirrored: Held) -> None:
    store = Store(Place.of(Path()))
    (run,) = store.runs("tiny", f"attributes.run_name = '{variant}'")
    models = {model.name: model for model in logged(store, run.info.experiment_id, run.info.run_id)}
    with store.using():
        encoder, decoder = (
            mlflow.pyfunc.load_model(models[f"{variant}-{role}"].artifact_location) for role in ("encoder", "decoder")
        )
    images = (read_npz(paths.prepared("test"))["images"] / 255).astype(np.float32)
    latents = read_pickle(paths.latents(variant))
    codes = encoder.predict(images)
    assert codes.shape == (60, *CODES.get(variant, (32,)))
    assert codes.reshape(60, -1) == pytest.approx(latents["features"][latents["split"] == "test"], abs=1e-5)
    assert decoder.predict(codes).shape == images.shape


def test_a_result_of_other_bytes_extends_its_run(mirrored: Held) -> None:
    path = paths.metrics("simple")
    before, lock = path.read_text(), paths.LOCK.read_text()
    try:
        path.write_text(json.dumps(json.loads(before) | {"extra": {"x": 1.0}}))
        write_lock(VARIANTS)
        assert f" has 0 new runs, 1 extended and {len(VARIANTS) - 1} unchanged" in track.main()
    finally:
        path.write_text(before)
        paths.LOCK.write_text(lock)
    assert f" has 0 new runs, 1 extended and {len(VARIANTS) - 1} unchanged" in track.main()


@pytest.mark.parametrize("variant", ["denoise", "vae"])
def test_stages_again_give_the_same_bytes(variant: str, study: Path) -> None:
    files = [path for path in study.rglob(f"*{variant}*") if path.is_file()]
    files += [path for folder in study.rglob(variant) for path in folder.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files if "mlartifacts" not in path.parts}
    assert len(before) >= 13
    for stage in (train, extract, tsne, evaluate, plot):
        stage.main(variant)
    assert [path for path, content in before.items() if path.read_bytes() != content] == []


def contents(study: Path) -> dict[Path, bytes]:
    """All files but those of git and of DVC."""
    found = (path for part in study.iterdir() if not part.name.startswith(".") for path in (part, *part.rglob("*")))
    return {path: path.read_bytes() for path in found if path.is_file()}


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        (train, paths.prepared("train")),
        (train, paths.prepared("validation")),
        (extract, paths.prepared("test")),
        (extract, paths.decoder("simple")),
        (tsne, paths.latents("simple")),
        (evaluate, paths.embedding("simple")),
        (plot, paths.history("simple")),
        (plot, paths.training("simple")),
    ],
    ids=str,
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_input_is_named_and_outputs_stay(stage: Any, path: Path, damage: str, study: Path) -> None:
    whole = path.read_bytes()
    try:
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 3])
        before = contents(study)
        with pytest.raises(UserError, match=f"^{path}: ") as raised:
            stage.main("simple")
        assert "\n" not in str(raised.value)
        assert contents(study) == before
    finally:
        path.write_bytes(whole)


def test_perplexity_must_be_below_the_number_of_test_images(study: Path) -> None:
    text = Path("params.yaml").read_text()
    try:
        Path("params.yaml").write_text(text.replace("perplexity: 10", "perplexity: 60"))
        plan.main()
        with pytest.raises(UserError, match=r"tsne\.perplexity: found 60, allowed: less than the 60 points"):
            tsne.main("simple")
    finally:
        Path("params.yaml").write_text(text)
        plan.main()


def test_another_number_of_threads_needs_a_process_of_its_own() -> None:
    with pytest.raises(RuntimeError, match="cannot be modified after initialization"):
        start_tensorflow(seed=1, threads=2)
