"""How the files of an archive come to where their study is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from latentlab.archive.read import place, unpack
from latentlab.config import paths
from latentlab.errors import UserError
from tests.archive.made_up import pack, study


def unpacked(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    unpack(pack(root / f"{name}.zip", study()), folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, moved = tmp_path / "target", 0

    def move(source: Path, there: Path) -> None:
        nonlocal moved
        if moved == 3:
            raise KeyboardInterrupt
        moved += 1
        source.rename(there)

    first = unpacked(tmp_path, "first")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "move", move)
        with pytest.raises(KeyboardInterrupt):
            place(first, target)
    assert len(contents(target)) == 3
    assert not (target / paths.LOCK).exists()  # it comes last
    assert place(unpacked(tmp_path, "second"), target) == len(study()) - 3
    assert contents(target) == study()
    assert place(unpacked(tmp_path, "third"), target) == 0


def another_file(path: Path) -> None:
    path.write_text("mine\n")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [another_file, a_folder, a_link_to_nothing])
def test_where_one_is_another_nothing_is_moved(tmp_path: Path, make: Callable[[Path], None]) -> None:
    target = tmp_path / "target"
    (target / "plan").mkdir(parents=True)
    make(target / "plan/prepare.json")
    before = contents(target)
    with pytest.raises(UserError, match=r"plan/prepare\.json: is another one; `--as NAME`"):
        place(unpacked(tmp_path, "archive"), target)
    assert contents(target) == before
