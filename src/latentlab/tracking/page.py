"""The page of a study in MLflow: an artifact of the study's own run, which stands beside those of its variants."""

from pathlib import Path

from latentlab.tracking.glance import FINISHED, PAGE, held_page
from latentlab.tracking.place import Place


def bring_page(study: str, page: Path, value: str, place: Place) -> bool:
    """Put the page, whose MD5 is `value`, into the run of the study; whether it was not there. Raises `StoreError`."""
    held = held_page(place, study)
    if held and held.tags.get(PAGE) == value and held.status == FINISHED and held.has_files(place):
        return False
    # MLflow takes three seconds to import and to open a store
    from latentlab.tracking.run import Run
    from latentlab.tracking.store import Store

    store = Store(place)
    with store.alone(f"page of {study}"):
        run = Run.begin_page(store, study)
        run.put_files("report", [page])
        run.set_tags({PAGE: value})
        run.set_status(FINISHED)
    return True
