"""Stage `track`: make MLflow agree with the result files, one run a variant. What is there already is left alone."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from latentlab import params, paths, provenance, stage
from latentlab.errors import UserError
from latentlab.inputs import read_yaml, recorded
from latentlab.result import Result, Workspace
from latentlab.tracking.glance import glance
from latentlab.tracking.place import Place, StoreError


def main() -> str:
    """Mirror the study in params.yaml. A store that cannot be used is no reason to fail: the results stand."""
    try:
        return f"track: {track()}"
    except StoreError as error:
        print(f"warning: {error}; `latentlab track` completes the mirror", file=sys.stderr)
        return "track: not done"


def track() -> str:
    """Bring every result of the workspace into MLflow; a line on what that changed.

    Raises `StoreError` if MLflow cannot be used, and `UserError` if a variant has no whole result; the others are
    tracked first.
    """
    p = params.load()
    faults: list[str] = []
    summary = bring(workspace_results(p.study, p.variants, faults), Place.of(Path()), faults)
    if faults:
        more = f" and {len(faults) - 1} more like this" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}; {summary}")
    return f"{summary} of study {p.study}"


def workspace_results(study: str, variants: Iterable[str], faults: list[str]) -> Iterator[Result]:
    """The results that dvc.lock has of these variants; why there is none of others joins the `faults`."""
    lock = read_yaml(paths.LOCK)
    tags = {
        **provenance.git_tags(),
        **provenance.version_tags(),
        **provenance.platform_tags(),
        "platform.of": "tracking",  # a run that was logged while it trained has `training`
    }
    for variant in variants:
        try:
            found = recorded(lock, variant)
        except UserError as error:
            faults.append(str(error))
            continue
        command = provenance.command(tags.get("git.commit"), variant)
        yield Result(study, variant, found, Workspace(), tags | {"command": command})


@dataclass
class Summary:
    """How many runs a call has made, extended, and found complete."""

    uri: str
    new: int = 0
    extended: int = 0
    complete: int = 0

    def __str__(self) -> str:
        if not self.new + self.extended:
            return f"nothing to do, {self.uri} has all {self.complete} runs"
        return f"{self.uri} has {self.new} new runs, {self.extended} extended and {self.complete} unchanged"


def bring(results: Iterable[Result], place: Place, faults: list[str]) -> Summary:
    """Mirror `results`; what is wrong with single ones joins the `faults`. Raises `StoreError`."""
    summary = Summary(place.uri)
    missing: dict[str, Result] = {}
    for study, some in _by_study(results).items():
        held = glance(place, study)
        for key, result in some.items():
            try:
                if key in held and result.is_complete_in(held[key], place):
                    summary.complete += 1
                else:
                    missing[key] = result
            except UserError as error:
                faults.append(str(error))
    if missing:
        _mirror(missing.values(), place, summary, faults)
    return summary


def _by_study(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """Results by study and key. Of several revisions with the same result the first is its origin."""
    studies: dict[str, dict[str, Result]] = {}
    for result in results:
        studies.setdefault(result.study, {}).setdefault(result.key, result)
    return studies


def _mirror(results: Iterable[Result], place: Place, summary: Summary, faults: list[str]) -> None:
    # MLflow takes three seconds to import and to open a store
    from latentlab.mirror import mirror
    from latentlab.tracking.store import Store

    store = Store(place)
    for result in tqdm(results, desc="track", disable=None):
        try:
            run = mirror(store, result)
        except StoreError:
            raise
        except UserError as error:
            faults.append(str(error))
            continue
        summary.new += run.new
        summary.extended += bool(run.writes and not run.new)
        summary.complete += not run.writes


if __name__ == "__main__":
    stage.run(main)
