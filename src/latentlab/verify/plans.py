"""The text of the plan that a committed result was made from."""

import hashlib
from pathlib import Path

from latentlab.pipeline.provenance import git

OLDER = 100  # commits with other versions of a plan that are looked at


def find(committed: Path, study: Path, commit: str, path: str, value: str) -> str | None:
    """The plan with the MD5 `value` at a path in a study: that of the commit, else of the commits before it, or None.

    A commit's plan is another one if somebody has run the stage `plan` alone, or has edited it.
    """
    file = committed / path
    text = file.read_text(errors="replace") if file.exists() else None
    if text is not None and _md5(text) == value:
        return text
    older = (git("log", f"-{OLDER}", "--format=%H", commit, "--", path, folder=study) or "").split()
    texts = (git("show", f"{each}:./{path}", folder=study) for each in older)
    return next((each for each in texts if each is not None and _md5(each) == value), None)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(errors="surrogateescape")).hexdigest()
