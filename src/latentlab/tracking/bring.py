"""Bring results into MLflow: what is there already is left alone, what is missing is added."""

from collections.abc import Iterable
from dataclasses import dataclass

from tqdm import tqdm

from latentlab.errors import UserError
from latentlab.tracking.glance import glance
from latentlab.tracking.place import Place, StoreError
from latentlab.tracking.result import Result


@dataclass
class Summary:
    """How many runs a call has made, extended, and found complete."""

    store: str
    new: int = 0
    extended: int = 0
    complete: int = 0

    def __str__(self) -> str:
        if not self.new + self.extended:
            return f"nothing to do, {self.store} has all {self.complete} runs"
        return f"{self.store} has {self.new} new runs, {self.extended} extended and {self.complete} unchanged"


def bring(results: Iterable[Result], place: Place, faults: list[str]) -> Summary:
    """Mirror `results`; what is wrong with single ones joins the `faults`. Raises `StoreError`."""
    summary = Summary(str(place))
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
    from latentlab.tracking.mirror import mirror
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
