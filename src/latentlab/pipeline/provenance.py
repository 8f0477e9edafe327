"""Where a result comes from: the commit, the state of the tree, the machine, the versions of the libraries."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from latentlab.pipeline.libraries import pinned

LIBRARIES = ("dvc", "keras", "matplotlib", "mlflow", "numpy", "scikit-learn", "tensorflow")
LARGEST = 10**8  # bytes of untracked files that are hashed; more would keep a core busy for seconds
RESULTS = ("dvc.lock", "metrics", "plan")  # in git, but written by the pipeline itself
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")


def git_tags() -> dict[str, str]:
    """Commit, whether files differ from it other than by results, and then a hash of how; empty outside a repository.

    The hash is SHA-256 of `git diff` and of the names and contents of untracked files, unless these are very large.
    """
    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    where = ["--", ".", *(f":!{path}" for path in RESULTS)]
    changes = git("status", "--porcelain", *where)
    tags = {"git.commit": commit.strip(), "git.dirty": str(bool(changes)).lower()}
    if not changes:
        return tags
    digest = hashlib.sha256(os.fsencode(git("diff", "--binary", "HEAD", *where) or ""))
    names = (git("ls-files", "-z", "--others", "--exclude-standard", *where) or "").split("\0")
    untracked = [Path(name) for name in names if name and Path(name).is_file()]
    if sum(path.stat().st_size for path in untracked) > LARGEST:
        return tags | {"git.diff": f"not hashed, as untracked files are larger than {LARGEST // 10**6} MB"}
    for path in untracked:
        digest.update(os.fsencode(path))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return tags | {"git.diff": digest.hexdigest()}


def git(*arguments: str) -> str | None:
    """What git prints, or None if there is no git or no repository, or if it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="surrogateescape", check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def command(commit: str | None, variant: str) -> str:
    """What makes the result again, in a clone."""
    checkout = f"git checkout {commit} && " if commit else ""
    return f"{checkout}dvc repro plot@{variant} evaluate@{variant}"


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
