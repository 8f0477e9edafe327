"""The studies of a project: its root is one, each folder below studies/ with a params.yaml is another."""

import os
import re
import tempfile
from pathlib import Path

from latentlab.config import params, paths, project
from latentlab.config.variants import NAME, NAMES
from latentlab.errors import UserError
from latentlab.storage.reading import reading
from latentlab.storage.replacing import replacing
from latentlab.storage.yaml import read_yaml

ABOUT_RAW = """Your own images go here, in a file or folder of their own: `prepare.path` in `params.yaml` names it.
DVC runs the pipeline again when something here changes. Git ignores it; `dvc add data/raw/<name>` puts it under DVC.
"""


def studies() -> dict[str, Path]:
    """The folder of each study by its name, that of the root first.

    Raises `UserError` if the root's study is called like one in a folder of its own.
    """
    root = project.root()
    folders = [path.parent for path in sorted((root / paths.STUDIES).glob(f"[!.]*/{paths.PARAMS}"))]
    found = {folder.name: folder for folder in folders}
    if not (root / paths.PARAMS).exists():
        return found
    name = _name_of_root(root)
    if name in found:
        raise UserError(
            f"{root / paths.PARAMS}: study: found {name!r}, allowed: any but those of {paths.STUDIES}/, which are "
            f"{', '.join(found)}"
        )
    return {name: root, **found}


def _name_of_root(root: Path) -> str:
    """What its parameter file says; the folder's name if that says nothing."""
    try:
        name = read_yaml(root / paths.PARAMS).get("study")
    except UserError:
        name = None
    return name if isinstance(name, str) else root.name


def find(name: str) -> Path | None:
    """The folder of a study by its name, or by a path to its folder; None if there is no such study."""
    found = studies()
    paths_of = {folder.resolve(): folder for folder in found.values()}
    return found.get(name) or paths_of.get(Path(name).resolve())


def folder_of(name: str) -> Path:
    """The same. Raises `UserError` with the valid names if there is none."""
    folder = find(name)
    if folder is None:
        raise UserError(f"study: found no {name!r}, allowed: {', '.join(studies()) or 'nothing here'}")
    return folder


def current_folder() -> Path:
    """The folder of the study that the current folder is in; itself if it is in none."""
    here, root = Path.cwd(), project.root()
    inside = [each for each in (here, *here.parents) if each.is_relative_to(root)]
    return next((each for each in inside if (each / paths.PARAMS).exists()), here)


def load() -> params.Params:
    """The parameters of the study in the current folder. Raises `UserError`, also if its name is not its own."""
    p = params.load()
    check_name(p.study)
    return p


def check_name(study: str) -> None:
    """Raise `UserError` unless the study in the current folder has a name of its own: in studies/ its folder's."""
    root, here = project.root(), Path.cwd()
    if here.parent == root / paths.STUDIES:
        if not NAME.fullmatch(here.name):
            raise UserError(f"study: found the folder {here.name!r}, allowed: {NAMES}; rename it")
        if study != here.name:
            raise UserError(f"params.yaml: study: found {study!r}, allowed: {here.name!r}, the name of its folder")
    if here == root:
        studies()


def check_pipeline() -> None:
    """Raise `UserError` unless the current folder has a copy of the project's dvc.yaml.

    With a link all that reads a git revision fails, such as `dvc metrics diff`.
    """
    ours, here = project.root() / paths.PIPELINE, Path.cwd()
    if here != ours.parent and ours.exists() and _content(paths.PIPELINE) != ours.read_bytes():
        source = os.path.relpath(ours)
        raise UserError(f"dvc.yaml: is no copy of the project's; `rm -f dvc.yaml && cp {source} .` mends it")


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def create(name: str, like: str | None) -> Path:
    """The folder of a new study with the parameters of another one, or of a file; those of the root without `like`.

    Nothing that is there is changed. Raises `UserError`.
    """
    root = project.root()
    target = root / paths.STUDIES / name
    if not NAME.fullmatch(name):
        raise UserError(f"study new: found the name {name!r}, allowed: {NAMES}")
    if name in studies() or target.exists():
        raise UserError(f"study new: found {name!r}, allowed: a name that no study has")
    source = _parameters_of(like)
    text = _called(name, like or params.load(source).study, source)
    with reading(root / paths.PIPELINE, made_by=""):
        pipeline = (root / paths.PIPELINE).read_bytes()
    try:
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}.") as temporary:
            made = Path(temporary) / name
            made.mkdir()
            (made / paths.PARAMS).write_text(text)
            (made / paths.PIPELINE).write_bytes(pipeline)
            make_raw(made)
            made.rename(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from None
    return target


def make_raw(study: Path) -> None:
    """Make a study's folder for own images, which is in no git, with a line on what it is for. Raises `UserError`."""
    folder = study / paths.RAW
    if not folder.is_dir():
        with replacing(folder / "README.md") as temporary:  # DVC warns of a folder that is empty
            temporary.write_text(ABOUT_RAW)


def _parameters_of(like: str | None) -> Path:
    """The parameter file of a study, or that file itself. Raises `UserError`."""
    if like and Path(like).suffix in (".yaml", ".yml"):
        return Path(like)
    return (folder_of(like) if like else project.root()) / paths.PARAMS


def _called(name: str, like: str, source: Path) -> str:
    """The text of a parameter file for a study of another name; the rest stands as it was, comments included."""
    params.load(source)
    text = source.read_text()
    head, separator, rest = text.partition("\n")
    about = f"# like {like}" + (f": {head.removeprefix('#').strip()}" if head.startswith("#") else f"\n{head}")
    return with_name(name, f"{about}{separator}{rest}", source)


def with_name(name: str, text: str, source: Path) -> str:
    """The text of a parameter file, from `source`, with another name for its study. Raises `UserError`."""
    text, count = re.subn(r"^study:\s*[^\s#]+", f"study: {name}", text, count=1, flags=re.M)
    if not count:
        raise UserError(f"{source}: found no line `study: ...` at its top level")
    return text


def purpose(folder: Path) -> str:
    """What a study is about: the first line of its parameter file, if that is a comment."""
    with (folder / paths.PARAMS).open(errors="replace") as file:
        first = file.readline()
    return first.removeprefix("#").strip() if first.startswith("#") else ""
