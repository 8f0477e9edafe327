"""`latentlab export-projector`: the features of a variant for TensorBoard."""

from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import within
from latentlab.cli.trained import STUDY, VARIANT, folder_for
from latentlab.config import paths


def export_projector(
    variant: VARIANT,
    out: Annotated[Path | None, typer.Option(help="a folder [default: projector/VARIANT]")] = None,
    study: STUDY = None,
) -> None:
    """Write the test images' features, classes and pictures for TensorBoard's embedding projector."""
    folder = folder_for(variant, study)
    from latentlab.report.projector import write_projector  # as numpy, once numerics are set
    from latentlab.storage.json import read_json
    from latentlab.storage.npz import read_npz
    from latentlab.storage.pickle import read_pickle

    target = (out or Path("projector") / variant).absolute()
    with within(folder):
        latents, test = read_pickle(paths.latents(variant)), read_npz(paths.prepared("test"))
        names = read_json(paths.CLASSES)
    of_test = latents["split"] == "test"
    classes = [names[str(label)] for label in test["labels"]] if "labels" in test else None
    write_projector(target, variant, latents["features"][of_test], test["images"], test["index"], classes)
    print(f"export-projector {variant}: {of_test.sum()} images in {out or target.relative_to(Path.cwd())}")
