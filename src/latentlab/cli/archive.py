"""`latentlab export` and `latentlab import`: a study in one file."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from latentlab.cli.named import load, within
from latentlab.config import paths, project, studies
from latentlab.config.variants import NAME, NAMES
from latentlab.errors import UserError


def export_study(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[STUDY] OUT.zip", help="the file; before it a study, if not that of the current folder"
        ),
    ],
) -> None:
    """Write a study with all of its results into one archive."""
    if len(names) > 2:
        raise UserError(f"export: found {len(names)} names, allowed: a study and a file")
    *study, out = names
    if Path(out).suffix != ".zip":
        raise UserError(f"export: found the file {out!r}, allowed: a name that ends in .zip")
    folder = studies.folder_of(study[0]) if study else studies.current_folder()
    target = Path(out).absolute()
    p = load(folder)
    from latentlab.archive.write import write_archive
    from latentlab.tracking.workspace import origins_of

    with within(folder):
        manifest = write_archive(target, p.study, origins_of(p.study, p.variants))
    print(f"export: study {p.study}, {len(manifest.files)} files, {target.stat().st_size / 1e6:,.1f} MB in {out}")


def import_study(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", help="what `latentlab export` wrote")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="a name for it here [default: its own]")
    ] = None,
) -> None:
    """Check an archive and put its study here. Nothing that is here is overwritten."""
    if name is not None and not NAME.fullmatch(name):
        raise UserError(f"import: found the name {name!r}, allowed: {NAMES}")
    from latentlab.archive.read import unpack

    scratch = project.root() / project.MARK / "tmp"
    if not scratch.parent.is_dir():
        raise UserError("import: found no project here, allowed: a clone of latentlab")
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="import-") as temporary:
        manifest = unpack(path, Path(temporary))
        called = name or manifest.study
        target = studies.studies().get(called) or project.root() / paths.STUDIES / called
        count = _place(Path(temporary), target, called, manifest.study)
    print(f"import: study {called} in {target}: {len(manifest.files)} files checked, {count} of them new")
    with within(target):
        _bring(called, manifest.origins)


def _place(folder: Path, target: Path, called: str, before: str) -> int:
    """The files of an archive, in `folder`, to where their study is, with the project's own pipeline."""
    from latentlab.archive.read import place
    from latentlab.pipeline.dvc import keep_outputs, locked

    (folder / paths.PIPELINE).unlink(missing_ok=True)  # commands of somebody else
    if called != before:
        parameters = folder / paths.PARAMS
        parameters.write_text(studies.with_name(called, parameters.read_text(), parameters))
    if not (target / paths.PIPELINE).exists():
        (folder / paths.PIPELINE).write_bytes((project.root() / paths.PIPELINE).read_bytes())
    with locked():
        count = place(folder, target)
    studies.make_raw(target)
    with within(target):
        keep_outputs()
    return count


def _bring(study: str, origins: Mapping[str, Mapping[str, str]]) -> None:
    """The results to MLflow, from where they come. A store that cannot be used is no reason to fail."""
    from latentlab.pipeline.lock import variants_in_lock
    from latentlab.tracking.place import StoreError
    from latentlab.tracking.workspace import track_workspace

    try:
        print(f"import: {track_workspace(study, variants_in_lock(), origins)}")
    except StoreError as error:
        print(f"warning: {error}; `latentlab track {study}` completes the runs", file=sys.stderr)
