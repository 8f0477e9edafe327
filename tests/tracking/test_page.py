"""The page of a study as an artifact of the study's own run."""

from pathlib import Path

from latentlab.pipeline.hashes import md5
from latentlab.tracking.comparison import WHOLE
from latentlab.tracking.glance import PAGE, glance, held_page
from latentlab.tracking.page import bring_page
from latentlab.tracking.place import Place
from latentlab.tracking.run import Run
from latentlab.tracking.store import Store


def brought(page: Path, text: str, place: Place) -> bool:
    page.write_text(text)
    return bring_page("quick", page, md5(page), place)


def test_it_is_brought_once_and_again_when_it_is_another(store: Store, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    assert brought(page, "one", store.place)
    assert not brought(page, "one", store.place)
    assert brought(page, "two", store.place)
    (found,) = store.runs("quick", f"tags.`{PAGE}` LIKE '%'")
    assert (found.info.run_name, found.info.status) == ("quick", "FINISHED")
    assert found.data.tags[PAGE] == md5(page)
    local = store.client.download_artifacts(found.info.run_id, "report/index.html", str(tmp_path))
    assert Path(local).read_text() == "two"


def test_it_is_no_result(store: Store, tmp_path: Path) -> None:
    Run.begin(store, "quick", "simple", "key").set_status("FINISHED")
    brought(tmp_path / "index.html", "one", store.place)
    assert list(glance(store.place, "quick")) == ["key"]
    assert [run.info.run_name for run in store.runs("quick", WHOLE)] == ["simple"]
    held = held_page(store.place, "quick")
    assert held
    assert held.has_files(store.place)
    assert held_page(store.place, "other") is None


def test_a_lost_artifact_is_brought_again(store: Store, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    brought(page, "one", store.place)
    held = held_page(store.place, "quick")
    assert held
    folder = Path(held.artifacts.removeprefix("file://"))
    (folder / "report/index.html").unlink()
    (folder / "report").rmdir()
    folder.rmdir()
    assert brought(page, "one", store.place)
    assert (folder / "report/index.html").read_text() == "one"
