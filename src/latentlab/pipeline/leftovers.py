"""Results of variants that are gone from params.yaml: they would change what `compare` and `track` depend on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from latentlab.config import paths
from latentlab.config.params import Params
from latentlab.config.stages import EACH_VARIANT
from latentlab.config.variants import RESERVED
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.lock import stages_in_lock
from latentlab.pipeline.provenance import git

FORMER = ("check",)  # stages that the pipeline once had


def clear_leftovers(p: Params) -> list[str]:
    """Remove files and lock entries of variants that are gone; a line for each that stays.

    A file goes only if dvc.lock has a variant of its name, or if it is of the layout of before studies had folders, and
    if git or DVC's cache has its bytes: it can come back.
    """
    found = list(leftovers(p))
    gone = entries_of_others(p)
    once = {name.partition("@")[2] for name in gone}
    if not found and not gone:
        return []
    from latentlab.pipeline.dvc import drop_from_lock, in_cache  # DVC takes a second, for leftovers alone

    hashes = {path: set(_hashes(path)) for path in found}
    cached = in_cache(set().union(*hashes.values()))
    ours = {path for path in found if path.stem in once or _is_of_former_layout(path)}
    safe = {path for path in ours if hashes[path] <= cached or _git_has(path)}
    kept = [path for path in found if path not in safe]
    for path in safe:
        _remove(path)
    still = {path.stem for path in kept}
    drop_from_lock(paths.LOCK, [name for name in gone if name.partition("@")[2] not in still])
    return [
        f"{path}: of no variant in params.yaml, kept as it is unknown or nowhere else; remove it if you do not need it"
        for path in kept
    ]


def leftovers(p: Params) -> Iterator[Path]:
    """Files and folders where results of variants lie, that are of none of these."""
    name = "*"
    made = (
        paths.encoder(name).parent,
        paths.latents(name),
        paths.decoded(name),
        paths.uses(name),
        paths.embedding(name),
    )
    for pattern in made:
        yield from (path for path in sorted(Path().glob(str(pattern))) if path.stem not in p.variants)
    numbers = (path for path in sorted(paths.METRICS.glob(name)) if path.suffix == ".json" or path.is_dir())
    yield from (path for path in numbers if path.stem not in p.variants and path != paths.REFERENCES)
    yield from (
        path for path in sorted(paths.PLOTS.glob(name)) if path.name not in p.variants and path.name not in RESERVED
    )


def _is_of_former_layout(path: Path) -> bool:
    """Whether it is metrics/<study> or plots/<study>."""
    is_plots = path.parent == paths.PLOTS and any((path / each).is_dir() for each in RESERVED)
    return is_plots or (path.parent == paths.METRICS and path.is_dir())


def entries_of_others(p: Params) -> list[str]:
    """Names of stages in dvc.lock that are of other variants than these, or of a former pipeline."""
    split = ((name, *name.partition("@")[::2]) for name in stages_in_lock())
    return [
        name
        for name, stage, variant in split
        if stage in FORMER or (stage in EACH_VARIANT and variant not in p.variants)
    ]


def _hashes(path: Path) -> Iterator[str]:
    """MD5 of a file, or of each file in a folder."""
    yield from (md5(file) for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file())


def _git_has(path: Path) -> bool:
    """Whether a path is committed, as it is."""
    known = git("ls-files", "--error-unmatch", "--", str(path))
    return known is not None and git("status", "--porcelain", "--", str(path)) == ""


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
