"""`latentlab encode`: codes of new images."""

from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import within
from latentlab.cli.trained import FILES, STUDY, VARIANT, folder_for, seen_from


def encode_images(
    variant: VARIANT,
    files: FILES,
    out: Annotated[Path, typer.Option(help="the pickle to write, laid out as those in data/latents")] = Path(
        "codes.pkl"
    ),
    study: STUDY = None,
) -> None:
    """Write the codes that a trained variant gives for new images."""
    folder = folder_for(variant, study)
    from latentlab.inference.codes import codes_of  # as TensorFlow, once numerics are set
    from latentlab.storage.pickle import write_pickle

    given = seen_from(folder, files)
    with within(folder):
        codes = codes_of(variant, given)
    write_pickle(out, codes)
    shape = "x".join(map(str, codes["latent_shape"]))
    print(f"encode {variant}: {len(codes['features'])} codes of shape {shape} in {out}")
