"""Stage `track`: make MLflow agree with the result files, one run a variant. What is there already is left alone."""

import sys

from latentlab.config import params
from latentlab.stages._command import run
from latentlab.tracking.place import StoreError
from latentlab.tracking.workspace import track_workspace


def main() -> str:
    """Mirror the study in params.yaml. A store that cannot be used is no reason to fail: the results stand."""
    p = params.load()
    try:
        return f"track: {track_workspace(p.study, p.variants)}"
    except StoreError as error:
        print(f"warning: {error}; `latentlab track` completes the mirror", file=sys.stderr)
        return "track: not done"


if __name__ == "__main__":
    run(main)
