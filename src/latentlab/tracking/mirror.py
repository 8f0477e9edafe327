"""A result's run in MLflow, made to agree with the result's files."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.config.stages import name_of
from latentlab.metrics.curves import comparable
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.used import misrecorded, misrecorded_error
from latentlab.storage.csv import read_csv
from latentlab.storage.json import read_json
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz
from latentlab.storage.pickle import read_pickle
from latentlab.tables.columns import by_tracked_name
from latentlab.tables.rows import markdown, row
from latentlab.tracking.glance import FINISHED
from latentlab.tracking.models import ToServe, put_model
from latentlab.tracking.result import HASH, Result
from latentlab.tracking.run import Run
from latentlab.tracking.sender import TRAINED
from latentlab.tracking.store import Store

EXAMPLES = 3  # images, or codes, that show what a model takes


def mirror(store: Store, result: Result) -> Run:
    """The run of a result, made complete. `run.writes` tells how many calls that took.

    Raises `UserError` if a file is missing or is not what dvc.lock says, and `StoreError`.
    """
    # every file is looked at before the first call
    files = {part: result.get(part) for part in result.parts()}
    card = read_json(result.get_input(paths.CARD))
    test = read_npz(result.get_input(paths.prepared("test")))["images"]
    metrics = read_json(files["metrics"])
    _check_data(result)
    with store.alone(result.key):
        return _mirror(store, result, files, card, metrics, test)


def _mirror(
    store: Store,
    result: Result,
    files: Mapping[str, Path],
    card: Mapping[str, Any],
    metrics: Mapping[str, Any],
    test: Array,
) -> Run:
    inputs = result.recorded.inputs
    run = Run.begin(store, result.study, result.variant, inputs.key)
    run.describe(result.study, inputs.settings(), inputs.code)
    _set_origin(run, result)
    run.set_tags({f"dvc.{stage}": value for stage, value in result.recorded.stages.items()})
    _set_dataset(run, card)
    _fill(run, result, _writers(run, result.variant, files, metrics, test))
    run.set_tags({"mlflow.note.content": description(result, run.tags, card, metrics)})
    run.set_status(FINISHED)
    return run


def _check_data(result: Result) -> None:
    """Raise `UserError` if the data that the training read is not what dvc.lock says."""
    wrong = misrecorded(read_json(result.get_file(paths.training(result.variant))), result.recorded.inputs.data)
    if wrong:
        raise misrecorded_error(wrong[0], name_of("train", result.variant))


def _set_origin(run: Run, result: Result) -> None:
    """Where the result comes from. The machine stays that of the training, if the run knows it."""
    if run.new:
        run.set_tags(result.tags)
    elif result.knows_better(run.held):
        commit = ("git.", "command", "dvc.")
        run.set_tags({name: value for name, value in result.tags.items() if name.startswith(commit)})
        if "git.diff" not in result.tags:
            run.drop_tag("git.diff")


def _set_dataset(run: Run, card: Mapping[str, Any]) -> None:
    digest = card["sha256"]["images"]
    if run.tags.get("dataset.sha256") == digest:
        return
    profile = {"images": card["images"], "image_shape": card["image_shape"], "splits": card["splits"]}
    run.set_dataset(card["dataset"], digest, card["source"], profile)
    run.set_tags({"dataset": card["dataset"], "dataset.sha256": digest})


def _fill(run: Run, result: Result, writers: Mapping[str, Callable[[], None]]) -> None:
    """Write the parts that the run does not have; each gets its tag when it is there."""
    lost = not run.held.has_files(run.store.place)
    for name, value in result.hashes().items():
        if lost or run.tags.get(name) != value:
            if run.status == FINISHED:
                run.set_status(TRAINED)
            writers[name.removeprefix(HASH)]()
            run.set_tags({name: value})


def _writers(
    run: Run, variant: str, files: Mapping[str, Path], metrics: Mapping[str, Any], test: Array
) -> dict[str, Callable[[], None]]:
    """How each part is written. `test` (N, H, W, C) uint8 gives the models' examples."""

    def history() -> None:
        columns = comparable(read_csv(files["history"]), math.prod(test.shape[1:]))
        run.set_curves({name: values.tolist() for name, values in columns.items()})
        run.put_files("metrics", [files["history"]])

    def numbers() -> None:
        run.set_metrics(by_tracked_name(metrics))
        if "numerics" in metrics["training"]:  # results of before have none
            run.set_tags({"platform.numerics": metrics["training"]["numerics"]})
        run.put_files("metrics", [files["metrics"]])

    def plots() -> None:
        pictures = sorted(files["plots"].glob("*.png"))
        run.put_images({picture.stem: picture for picture in pictures})
        run.put_files("plots", pictures)

    def model(role: str) -> None:
        latents = read_pickle(files["features"])
        shape = tuple(latents["latent_shape"])
        codes = latents["features"][:EXAMPLES].reshape(-1, *shape)  # (n, *latent_shape)
        images = (test[:EXAMPLES] / 255).astype("float32")  # (n, H, W, C)
        example, output = (images, shape) if role == "encoder" else (codes, test.shape[1:])
        put_model(run, ToServe(f"{variant}-{role}", files[role], md5(files[role]), example, output))
        run.put_files("models", [files[role]])

    return {
        "history": history,
        "metrics": numbers,
        "plots": plots,
        "encoder": lambda: model("encoder"),
        "decoder": lambda: model("decoder"),
        "features": lambda: run.put_files("features", [files["features"]]),
        "embedding": lambda: run.put_files("features", [files["embedding"]]),
    }


def description(
    result: Result, tags: Mapping[str, str], card: Mapping[str, Any], metrics: Mapping[str, Mapping[str, float]]
) -> str:
    """The run in a few lines of Markdown: main metrics, data, how to get it again."""
    lines = [
        f"**{result.variant}** of study **{result.study}**, trained on {_images(result, card)} of `{card['dataset']}`",
        "",
        markdown([row(result.variant, [by_tracked_name(metrics)])], "variant"),
        "",
        "Again, in a clone:",
        "",
        f"    {tags['command']}",
    ]
    if tags.get("git.dirty") == "true":
        lines += ["", f"made with uncommitted changes, whose hash is {tags.get('git.diff', 'unknown')}"]
    return "\n".join(lines)


def _images(result: Result, card: Mapping[str, Any]) -> str:
    """The images that it was trained on, in words."""
    classes = result.recorded.inputs.settings().get("classes")
    if classes is not None:
        return f"the images of class {', '.join(map(str, classes))}"
    return f"{card['splits']['train']['images']:,} images"
