"""Where a result comes from: the commit, the state of the tree, the machine, the versions of the libraries."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from latentlab.config import paths, project
from latentlab.pipeline.libraries import pinned

LIBRARIES = ("dvc", "keras", "matplotlib", "mlflow", "numpy", "scikit-learn", "tensorflow")
LARGEST = 10**8  # bytes of untracked files that are hashed; more would keep a core busy for seconds
# in git, but written by the pipeline itself
RESULTS = [
    folder / result
    for folder in (Path(), paths.STUDIES / "*")
    for result in (paths.LOCK, paths.TABLES, paths.METRICS / "*", paths.PLANS / "*")
]
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")


def git_tags() -> dict[str, str]:
    """Commit, whether files differ from it other than by results, and then a hash of how; empty outside a repository.

    Folders of other studies than the current one do not count. The hash is SHA-256 of `git diff` and of the names and
    contents of untracked files, unless these are very large.
    """
    root = project.root()
    commit = git("rev-parse", "HEAD", folder=root)
    if commit is None:
        return {}
    where = ["--", ".", *(f":!{path}" for path in RESULTS), *(f":(exclude,literal){path}" for path in _others(root))]
    changes = git("status", "--porcelain", "--untracked-files=all", *where, folder=root)
    tags = {"git.commit": commit.strip(), "git.dirty": str(bool(changes)).lower()}
    if not changes:
        return tags
    digest = hashlib.sha256(os.fsencode(git("diff", "--binary", "HEAD", *where, folder=root) or ""))
    names = (git("ls-files", "-z", "--others", "--exclude-standard", *where, folder=root) or "").split("\0")
    untracked = [root / name for name in names if name and (root / name).is_file()]
    if sum(path.stat().st_size for path in untracked) > LARGEST:
        return tags | {"git.diff": f"not hashed, as untracked files are larger than {LARGEST // 10**6} MB"}
    for path in untracked:
        digest.update(os.fsencode(path.relative_to(root)))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return tags | {"git.diff": digest.hexdigest()}


def _others(root: Path) -> Iterator[Path]:
    """Folders of studies that are not the one in the current folder: its results do not depend on them."""
    here = Path.cwd().resolve()
    folders = (path for path in (root / paths.STUDIES).glob("*") if path.is_dir())
    yield from (path.relative_to(root) for path in folders if not here.is_relative_to(path.resolve()))


def git(*arguments: str, folder: Path = Path(), **variables: str) -> str | None:
    """What git prints in a folder, with these variables; None if there is no git or no repository, or if it fails."""
    command, environment = ["git", "-C", str(folder), *arguments], os.environ | variables
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", check=True, env=environment
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def command(commit: str | None, variant: str, folder: Path) -> str:
    """What makes a result again, in a clone; `folder` is that of its study, in the project."""
    checkout = f"git checkout {commit} && " if commit else ""
    change = f"cd {folder} && " if folder != Path() else ""
    return f"{checkout}{change}dvc repro plot@{variant} evaluate@{variant}"


def version_tags() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    return {"version.python": platform.python_version(), **{f"version.{name}": version(name) for name in LIBRARIES}}


def pinned_tags(requirements: str) -> dict[str, str]:
    """The same for results that were made elsewhere, as far as a requirements.lock says."""
    versions = pinned(requirements)
    return {f"version.{name}": versions[name] for name in LIBRARIES if name in versions}


def platform_tags() -> dict[str, str]:
    """The kind of this machine: system, CPU, those of its instruction sets that change sums, cores."""
    flags = _cpuinfo("flags", "Features").split()
    return {
        "platform.system": f"{platform.system()} {platform.machine()}",
        "platform.cpu": cpu(),
        "platform.instructions": " ".join(name for name in INSTRUCTIONS if name in flags),
        "platform.cores": str(os.cpu_count()),
    }


def cpu() -> str:
    """The CPU's name as the system gives it."""
    return " ".join(_cpuinfo("model name").split()) or platform.processor() or platform.machine()


def _cpuinfo(*fields: str) -> str:
    """The first of the `fields` in /proc/cpuinfo, which only Linux has."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return ""
    lines = (line.partition(":") for line in information.read_text().splitlines())
    return next((value for name, _, value in lines if name.strip() in fields), "")
