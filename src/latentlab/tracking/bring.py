"""Bring results into MLflow: what is there already is left alone, what is missing is added."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from latentlab.errors import UserError
from latentlab.tracking.glance import SUPERSEDED, glance
from latentlab.tracking.place import Place, StoreError
from latentlab.tracking.result import Result


@dataclass
class Summary:
    """How many runs a call has made, extended, and found complete."""

    store: str
    new: int = 0
    extended: int = 0
    complete: int = 0
    superseded: int = 0

    def __str__(self) -> str:
        if not self.new + self.extended + self.superseded:
            return f"nothing to do, {self.store} has all {self.complete} runs"
        older = f"; {self.superseded} of an older version are marked as superseded" if self.superseded else ""
        return f"{self.store} has {self.new} new runs, {self.extended} extended and {self.complete} unchanged{older}"


def bring(results: Iterable[Result], place: Place, faults: list[str]) -> Summary:
    """Mirror `results`; what is wrong with single ones joins the `faults`. Raises `StoreError`."""
    summary = Summary(str(place))
    missing: list[Result] = []
    outdated: list[tuple[str, str]] = []
    for study, some in _by_study(results).items():
        held = glance(place, study)
        outdated += [(study, key) for key, run in held.items() if run.outdated and key not in some]
        for key, result in some.items():
            try:
                if key in held and result.is_complete_in(held[key], place):
                    summary.complete += 1
                else:
                    missing.append(result)
            except UserError as error:
                faults.append(str(error))
    if missing or outdated:
        _write(missing, outdated, place, summary, faults)
    return summary


def _by_study(results: Iterable[Result]) -> dict[str, dict[str, Result]]:
    """Results by study and key. Of several revisions with the same result the first is its origin."""
    studies: dict[str, dict[str, Result]] = {}
    for result in results:
        studies.setdefault(result.study, {}).setdefault(result.key, result)
    return studies


def _write(
    results: Iterable[Result],
    outdated: Sequence[tuple[str, str]],
    place: Place,
    summary: Summary,
    faults: list[str],
) -> None:
    # MLflow takes three seconds to import and to open a store
    from latentlab.tracking.mirror import mirror
    from latentlab.tracking.run import Run
    from latentlab.tracking.store import Store

    store = Store(place)
    for study, key in outdated:
        Run.begin(store, study, "", key).set_tags({SUPERSEDED: "made by a version with another kind of keys"})
        summary.superseded += 1
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
