"""The proof that results are the same finds what differs, and fails if anything does or if there is nothing."""

from pathlib import Path

import pytest

from benchmarks.same_bytes import first_difference, main

LOCK = """
stages:
  check: {{outs: [{{path: data/params.checked}}]}}
  train@simple: {{outs: [{{path: models/simple/encoder.keras}}]}}
  plot@simple: {{outs: [{{path: {plots}}}]}}
"""


def project(folder: Path, plots: str) -> Path:
    (folder / "models/simple").mkdir(parents=True)
    (folder / "models/simple/encoder.keras").write_bytes(bytes(3_000_000))
    (folder / plots / "inner").mkdir(parents=True)
    (folder / plots / "inner/losses.png").write_bytes(b"picture")
    (folder / "dvc.lock").write_text(LOCK.format(plots=plots))
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """The same results, which lie elsewhere."""
    return project(tmp_path / "a", "plots/quick/simple"), project(tmp_path / "b", "plots/simple")


def call(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = main([str(folder) for folder in pair])
    return code, capsys.readouterr().out.splitlines()


def test_the_same_results_wherever_they_lie(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = call(pair, capsys)
    assert code == 0
    assert lines == ["plot@simple: same bytes", "train@simple: same bytes", "2 of 2 stages have the same bytes"]


def test_a_byte_that_differs_is_found(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with (pair[1] / "models/simple/encoder.keras").open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"x")
    code, lines = call(pair, capsys)
    assert code == 1
    assert lines[1] == "train@simple: encoder.keras: differs from byte 2,000,000 on, of 3,000,000 and 3,000,000"
    assert lines[2] == "1 of 2 stages have the same bytes"


def test_a_shorter_file_differs_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"ab")
    assert first_difference(tmp_path / "a", tmp_path / "b") == 2
    assert first_difference(tmp_path / "a", tmp_path / "a") is None


def test_what_is_missing_is_a_difference(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (pair[0] / "plots/quick/simple/inner/losses.png").unlink()
    (pair[1] / "models/simple/encoder.keras").unlink()
    code, lines = call(pair, capsys)
    assert code == 1
    assert lines[:2] == ["plot@simple: simple/inner/losses.png: only in B", "train@simple: encoder.keras: only in A"]


def test_a_stage_of_one_project_alone_is_a_difference(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lock = pair[0] / "dvc.lock"
    lock.write_text(lock.read_text() + "  evaluate@simple: {outs: [{path: metrics/simple.json}]}\n")
    code, lines = call(pair, capsys)
    assert code == 1
    assert lines[0] == "evaluate@simple: dvc.lock: only in A"


def test_results_that_neither_has_are_not_the_same(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for folder in pair:
        (folder / "models/simple/encoder.keras").unlink()
    code, lines = call(pair, capsys)
    assert code == 1
    assert "train@simple: encoder.keras: nothing in either" in lines


def test_outputs_of_one_name_are_told_by_their_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = (tmp_path / "a", tmp_path / "b")
    for folder in pair:
        for kind in ("decoded", "uses"):
            (folder / kind).mkdir(parents=True)
            (folder / kind / "simple.npz").write_text(kind)
        outs = "{path: decoded/simple.npz}, {path: uses/simple.npz}"
        (folder / "dvc.lock").write_text(f"stages: {{extract@simple: {{outs: [{outs}]}}}}\n")
    assert call(pair, capsys)[0] == 0
    (pair[1] / "uses/simple.npz").write_text("user")
    assert call(pair, capsys)[1][0] == "extract@simple: uses/simple.npz: differs from byte 3 on, of 4 and 4"


def test_no_results_at_all_prove_nothing(pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for folder in pair:
        (folder / "dvc.lock").write_text("stages: {}\n")
    assert call(pair, capsys) == (1, ["0 of 0 stages have the same bytes"])


def test_a_folder_without_a_lock_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/dvc.lock: no such file; `dvc repro` makes it\n"
