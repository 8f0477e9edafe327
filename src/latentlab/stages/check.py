"""Stage `check`: see whether everything in params.yaml is possible.

DVC deletes a stage's outputs before it runs the stage. As every other stage comes after this one, a slip in
params.yaml stops the pipeline while all results are still there. Its output never changes, so it reruns nothing.
"""

from latentlab.config import params, paths
from latentlab.stages._command import run
from latentlab.storage.replacing import replacing


def main() -> str:
    """Check params.yaml and leave a mark that says so."""
    variants = params.load().variants
    with replacing(paths.CHECKED) as temporary:
        temporary.write_text("every key of params.yaml is known and possible\n")
    return f"params.yaml: {len(variants)} variants: {', '.join(variants)}"


if __name__ == "__main__":
    run(main)
