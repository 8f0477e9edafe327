"""`latentlab verify`: whether committed results come out again."""

from typing import Annotated

import typer


def verify_results(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY] [VARIANT]...", help="what to make again [default: all of the study of the current folder]"
        ),
    ] = None,
    revision: Annotated[str, typer.Option("--rev", metavar="REV", help="a commit, branch or tag")] = "HEAD",
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="cores to use [default: all]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Make committed results again in a temporary clone and say what differs first, and why.

    Exit code: 0 all match, 1 within tolerance, 2 something differs, 3 could not be verified.
    """
    from latentlab.verify.run import verify  # DVC takes a second

    report = verify(names or [], revision, jobs)
    print(report.json() if as_json else "\n".join(report.lines()))
    raise typer.Exit(report.exit_code)
