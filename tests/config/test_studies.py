"""The studies of a project: found, told apart, made, and never overwritten."""

import shutil
from pathlib import Path

import pytest

from latentlab.config import params, studies
from latentlab.errors import UserError
from tests.conftest import ROOT


@pytest.fixture
def several(project: Path) -> Path:
    """A project with `tiny` in its root and two more studies in folders."""
    (project / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", project)
    for name in ("keras_blog", "fashion_guide"):
        shutil.copytree(ROOT / "studies" / name, project / "studies" / name)
    return project


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_is_found_by_its_name(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (several / "studies/.half.12345678/half").mkdir(parents=True)
    (several / "studies/notes").mkdir()
    expected = {
        "tiny": several,
        "fashion_guide": several / "studies/fashion_guide",
        "keras_blog": several / "studies/keras_blog",
    }
    for folder in (several, several / "studies", several / "studies/keras_blog"):
        monkeypatch.chdir(folder)
        assert studies.studies() == expected
        assert list(studies.studies()) == list(expected)
        assert studies.folder_of("keras_blog") == several / "studies/keras_blog"
    with pytest.raises(UserError, match=r"^study: found no 'kera', allowed: tiny, fashion_guide, keras_blog$"):
        studies.folder_of("kera")


def test_a_folder_belongs_to_the_nearest_study(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (several / "docs").mkdir()
    (several / "studies/keras_blog/data/raw").mkdir(parents=True)
    for folder, expected in (
        (".", several),
        ("docs", several),
        ("studies", several),
        ("studies/keras_blog/data/raw", several / "studies/keras_blog"),
    ):
        monkeypatch.chdir(several / folder)
        assert studies.current_folder() == expected
    (several / "params.yaml").unlink()
    monkeypatch.chdir(several / "docs")
    assert studies.current_folder() == several / "docs"  # where the missing file is named


def test_the_root_may_have_any_parameters_and_is_still_listed(several: Path) -> None:
    for text in ("", "study: [1]\n", "study: {\n", "[]"):
        (several / "params.yaml").write_text(text)
        assert studies.studies()[several.name] == several


def test_two_studies_of_one_name_are_refused(several: Path) -> None:
    text = (several / "params.yaml").read_text()
    (several / "params.yaml").write_text(text.replace("study: tiny", "study: keras_blog"))
    line = (
        r"params\.yaml: study: found 'keras_blog', allowed: any but those of studies/, which are fashion_guide, keras"
    )
    for use in (studies.studies, lambda: studies.check_name("keras_blog"), lambda: studies.create("new", None)):
        with pytest.raises(UserError, match=line):
            use()


def test_a_study_in_a_folder_has_its_name(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies.check_name("tiny")
    monkeypatch.chdir(several / "studies/keras_blog")
    studies.check_name("keras_blog")
    line = r"^params\.yaml: study: found 'tiny', allowed: 'keras_blog', the name of its folder$"
    with pytest.raises(UserError, match=line):
        studies.check_name("tiny")


def test_every_study_has_a_copy_of_the_pipeline(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies.check_pipeline()
    monkeypatch.chdir(several / "studies/keras_blog")
    studies.check_pipeline()
    own = Path("dvc.yaml")
    line = r"^dvc\.yaml: is no copy of the project's; `rm -f dvc\.yaml && cp \.\./\.\./dvc\.yaml \.` mends it$"
    whole = own.read_text()
    for spoil in (
        lambda: own.write_text(whole + "# another\n"),
        own.unlink,
        lambda: own.symlink_to("../../dvc.yaml"),
    ):
        spoil()
        with pytest.raises(UserError, match=line):
            studies.check_pipeline()
    own.unlink()
    shutil.copy("../../dvc.yaml", ".")
    studies.check_pipeline()


def test_the_copies_in_git_are_equal() -> None:
    pipeline = (ROOT / "dvc.yaml").read_bytes()
    copies = list((ROOT / "studies").glob("*/dvc.yaml"))
    assert len(copies) >= 4
    assert [path for path in copies if path.read_bytes() != pipeline or path.is_symlink()] == []


@pytest.mark.parametrize(
    ("here", "name", "expected"),
    [
        (".", "studies/keras_blog", "studies/keras_blog"),
        (".", "studies/keras_blog/", "studies/keras_blog"),
        ("studies", "keras_blog", "studies/keras_blog"),
        ("studies/fashion_guide", "../keras_blog", "studies/keras_blog"),
        ("studies/keras_blog", ".", "studies/keras_blog"),
        ("studies/keras_blog", "../..", "."),
    ],
)
def test_a_study_is_found_by_its_folder_too(
    several: Path, monkeypatch: pytest.MonkeyPatch, here: str, name: str, expected: str
) -> None:
    monkeypatch.chdir(several / here)
    assert studies.find(name) == studies.folder_of(name) == (several / expected).resolve()
    for other in ("studies", "keras_blog/data", "none"):
        assert studies.find(other) is None


@pytest.mark.parametrize("here", [".", "studies/keras_blog"])
def test_a_new_study_is_like_another(several: Path, monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    before = contents(several)
    monkeypatch.chdir(several / here)
    folder = studies.create("birds", "fashion_guide")
    assert folder == several / "studies/birds"
    made = params.load(folder / "params.yaml")
    assert made.study == "birds"
    like = params.load(several / "studies/fashion_guide/params.yaml")
    assert made.model_copy(update={"study": like.study}) == like
    assert (folder / "params.yaml").read_text().startswith("# like fashion_guide: full Fashion-MNIST")
    assert (folder / "dvc.yaml").read_bytes() == (several / "dvc.yaml").read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o755
    made_files = {path.relative_to(folder).as_posix() for path in contents(several).keys() - before.keys()}
    assert made_files == {"params.yaml", "dvc.yaml", "data/raw/README.md"}
    assert {path: content for path, content in contents(several).items() if path in before} == before


def test_a_new_study_is_like_the_root_or_like_a_file(several: Path) -> None:
    assert "# like tiny: 300 digits" in (studies.create("first", None) / "params.yaml").read_text()
    text = (several / "params.yaml").read_text().partition("\n")[2].replace("study: tiny", "study: mine  # my own")
    (several / "studies/mine.yaml").write_text(text)
    made = (studies.create("second", "studies/mine.yaml") / "params.yaml").read_text()
    assert made == "# like studies/mine.yaml\n" + text.replace("study: mine", "study: second")


@pytest.mark.parametrize(
    ("name", "like", "line"),
    [
        ("Birds", None, r"^study new: found the name 'Birds', allowed: a-z, 0-9 and _, a letter first$"),
        ("../x", None, r"^study new: found the name '\.\./x', allowed"),
        ("keras_blog", None, r"^study new: found 'keras_blog', allowed: a name that no study has$"),
        ("tiny", None, r"^study new: found 'tiny', allowed: a name that no study has$"),
        ("half", None, r"^study new: found 'half', allowed: a name that no study has$"),
        ("birds", "kera", r"^study: found no 'kera', allowed: tiny, "),
        ("birds", "none.yaml", r"^none\.yaml: no such file$"),
        ("birds", "bad.yaml", r"^bad\.yaml: sed: unknown key"),
    ],
)
def test_what_cannot_be_made_changes_nothing(several: Path, name: str, like: str | None, line: str) -> None:
    (several / "studies/half").mkdir()
    (several / "studies/half/notes.txt").write_text("mine")
    (several / "bad.yaml").write_text((several / "params.yaml").read_text() + "sed: 1\n")
    before = contents(several)
    with pytest.raises(UserError, match=line):
        studies.create(name, like)
    assert contents(several) == before


def test_a_folder_that_cannot_be_written_is_one_line(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(several / "studies")
    (several / "studies").write_text("a file")
    with pytest.raises(UserError, match=r"studies/birds: cannot be written \(File exists\)$"):
        studies.create("birds", None)


def test_each_digit_is_learnt_by_one_variant_that_is_else_like_the_others() -> None:
    p = params.load(ROOT / "studies/one_class/params.yaml")
    assert list(p.variants) == ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    settings = [variant.settings() for variant in p.variants.values()]
    assert [each.pop("classes") for each in settings] == [[digit] for digit in range(10)]
    assert all(each == settings[0] for each in settings)


def test_a_study_says_what_it_is_about(several: Path) -> None:
    assert studies.purpose(several) == "300 digits, one or two epochs: for tests, not for results"
    (several / "params.yaml").write_text("study: tiny\n")
    assert studies.purpose(several) == ""
