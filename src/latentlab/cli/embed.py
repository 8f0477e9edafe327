"""`latentlab embed`: new images in the map that there is."""

from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import within
from latentlab.cli.trained import FILES, STUDY, VARIANT, folder_for, seen_from


def embed_images(
    variant: VARIANT,
    files: FILES,
    out: Annotated[
        Path | None, typer.Option(help="a pickle to write, laid out as those in data/embeddings [default: print]")
    ] = None,
    study: STUDY = None,
) -> None:
    """Place new images in the t-SNE map of a trained variant, which stays as it is."""
    folder = folder_for(variant, study)
    from latentlab.inference.map import places_of  # as TensorFlow, once numerics are set
    from latentlab.storage.pickle import write_pickle

    given = seen_from(folder, files)
    with within(folder):
        places = places_of(variant, given)
    if out:
        write_pickle(out, places)
        print(f"embed {variant}: {len(places['embedding'])} images in {out}")
        return
    for name, (x, y) in zip(places["files"], places["embedding"], strict=True):
        print(f"{x:9.3f} {y:9.3f}  {name}")
