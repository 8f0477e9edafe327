"""`latentlab machine`: the numerical fingerprint."""

import json
from typing import Annotated

import typer

from latentlab.cli.tables import columns, print_wide
from latentlab.numerics.portable import set_switches


def show_machine(
    native: Annotated[bool, typer.Option("--native", help="as under `numerics: native`")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """Show this machine's numerical fingerprint: where it is the same, results are the same bytes."""
    set_switches("native" if native else "portable")  # before numpy is imported
    from latentlab.numerics import fingerprint, science
    from latentlab.numerics.tensorflow import start_tensorflow
    from latentlab.numerics.threads import limit_threads
    from latentlab.pipeline.provenance import platform_tags

    start_tensorflow(seed=0, threads=1)
    limit_threads(1)
    kernels = {
        "TensorFlow": fingerprint.of_tensorflow(),
        "numpy, scipy, scikit-learn and openTSNE": science.of_science(),
    }
    classes = {name: fingerprint.class_of(hashes) for name, hashes in kernels.items()}
    about = platform_tags()
    if as_json:
        print(json.dumps({"machine": about, "classes": classes, "kernels": kernels}, indent=1))
        return
    print(*(f"{name.removeprefix('platform.'):14} {value}" for name, value in about.items()), sep="\n")
    for name, hashes in kernels.items():
        print_wide(columns(f"{name}: {classes[name]}", ["kernel", "hash"], hashes.items()))
