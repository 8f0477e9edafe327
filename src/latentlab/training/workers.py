"""Whether a training is shared by several processes, as TensorFlow's TF_CONFIG says."""

import json
import os


def several_workers() -> bool:
    """Whether other processes train the same model."""
    return bool(os.environ.get("TF_CONFIG"))


def writes_results() -> bool:
    """Whether this process is the one of its cluster that keeps the results."""
    if not several_workers():
        return True
    task = json.loads(os.environ["TF_CONFIG"]).get("task", {})
    return task.get("type") in ("chief", None) or (task["type"], task.get("index", 0)) == ("worker", 0)
