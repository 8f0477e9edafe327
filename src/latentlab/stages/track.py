"""Stage `track`: make MLflow agree with the result files, one run a variant. What is there already is left alone.

Its output never changes and is in no cache: where it is missing, as in a new clone, MLflow has not seen the results.
"""

import sys

from latentlab.config import paths
from latentlab.config.stages import ForTrack
from latentlab.pipeline.plan import read_parameters
from latentlab.stages._command import run
from latentlab.storage.replacing import replacing
from latentlab.tracking.place import StoreError
from latentlab.tracking.workspace import track_workspace


def main() -> str:
    """Mirror the study in params.yaml. A store that cannot be used is no reason to fail: the results stand."""
    p = read_parameters(ForTrack)
    try:
        done = track_workspace(p.study, p.variants)
    except StoreError as error:
        print(f"warning: {error}; `latentlab track` completes the runs", file=sys.stderr)
        done = "not done"
    with replacing(paths.TRACKED) as temporary:
        temporary.write_text("results were brought to MLflow, as far as it could be used\n")
    return f"track: {done}"


if __name__ == "__main__":
    run(main)
