"""`latentlab track`: the results of the study in the current folder, as its dvc.lock has them."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from latentlab.config import paths, project
from latentlab.config.stages import name_of
from latentlab.errors import UserError
from latentlab.pipeline import provenance
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.inputs import recorded
from latentlab.pipeline.lock import entries, hashes
from latentlab.pipeline.used import changed_under_stages, misrecorded_error
from latentlab.storage.reading import reading
from latentlab.storage.yaml import read_yaml
from latentlab.tracking.bring import bring
from latentlab.tracking.glance import glance
from latentlab.tracking.page import bring_page
from latentlab.tracking.place import Place
from latentlab.tracking.result import Result


def track_workspace(
    study: str, variants: Collection[str], origins: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Bring the results of these variants into MLflow; a line on what that changed.

    `origins` are tags on where a variant's result comes from, if that is not here. Raises `StoreError` if MLflow cannot
    be used, and `UserError` if a variant has no whole result; the others are tracked first.
    """
    faults: list[str] = []
    place = Place.of(Path())
    summary = bring(_results(study, variants, origins or {}, faults), place, faults)
    if page := _page(faults):
        bring_page(study, *page, place)
    if faults:
        more = f" and {len(faults) - 1} more like this" if len(faults) > 1 else ""
        rest = f"; {summary}" if summary.new + summary.extended + summary.complete else ""
        raise UserError(f"{faults[0]}{more}{rest}")
    return f"{summary} of study {study}"


def _results(
    study: str, variants: Collection[str], origins: Mapping[str, Mapping[str, str]], faults: list[str]
) -> Iterator[Result]:
    """The results that dvc.lock has of these variants; why there is none of others joins the `faults`."""
    lock = read_yaml(paths.LOCK, made_by="dvc repro")
    changed = changed_under_stages(variants)
    here = _tags()
    for variant in variants:
        try:
            _check_data(changed, variant)
            found = recorded(lock, variant, _read)
        except UserError as error:
            faults.append(str(error))
            continue
        tags = origins.get(variant) or here
        command = provenance.command(tags.get("git.commit"), variant, project.inner_folder())
        yield Result(study, variant, found, Workspace(), {**tags, "command": command})


def _tags() -> dict[str, str]:
    """Where a result comes from that this machine brings to MLflow."""
    return {
        **provenance.git_tags(),
        **provenance.version_tags(),
        **provenance.platform_tags(),
        "platform.of": "tracking",  # a run that was logged while it trained has `training`
    }


def origins_of(study: str, variants: Collection[str]) -> dict[str, Mapping[str, str]]:
    """Tags on where each variant's result comes from: those of its run, if MLflow has one. Raises `UserError`."""
    lock = read_yaml(paths.LOCK, made_by="dvc repro")
    held, here = glance(Place.of(Path()), study), _tags()
    keys = {variant: recorded(lock, variant, _read).inputs.key for variant in variants}
    return {variant: held[key].tags if key in held else here for variant, key in keys.items()}


def _page(faults: list[str]) -> tuple[Path, str] | None:
    """The study's page with its MD5, None where its stage has not run; why it cannot be had joins the `faults`."""
    stage = entries(read_yaml(paths.LOCK, made_by="dvc repro")).get("report")
    try:
        for value in hashes(stage, "outs").values():
            return Workspace().get(paths.REPORT, value), value
    except UserError as error:
        faults.append(str(error))
    return None


def _check_data(changed: Mapping[str, str], variant: str) -> None:
    for name in ("prepare", name_of("train", variant)):
        if name in changed:
            raise misrecorded_error(changed[name], name)


def _read(path: Path) -> str:
    with reading(path, UnicodeDecodeError):
        return path.read_text()


class Workspace:
    """The files of the project as they lie there."""

    def get(self, path: Path, expected: str) -> Path:
        """The path itself, if it holds what dvc.lock says. Raises `UserError` if it does not."""
        if not path.exists():
            raise UserError(f"{path}: no such file; `dvc checkout`, `dvc pull` or `dvc repro` brings it")
        if md5(path) != expected:
            raise UserError(f"{path}: is not what dvc.lock says; `dvc repro` makes both agree")
        return path
