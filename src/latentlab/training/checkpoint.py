"""The state of a training on disk, so that one that was killed goes on where it stopped."""

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentlab.errors import UserError
from latentlab.storage.memory import Array
from latentlab.storage.npz import read_npz, write_npz
from latentlab.storage.replacing import remove_leftovers

SECONDS = 5.0  # between two writings at least; 55 MB, the state of the largest variant, take 0.2 s


@dataclass(frozen=True)
class State:
    """All that the next epoch depends on. `best` is empty unless the best epoch's weights are to be kept."""

    history: list[dict[str, float]]
    best_epoch: int
    weights: list[Array]
    optimizer: list[Array]
    best: list[Array]


@dataclass
class Checkpoint:
    """A file that holds a `State` and is good for trainings of the same `key` alone."""

    path: Path
    key: str
    seconds: float = SECONDS
    _written: float = field(default_factory=time.monotonic)
    _warned: bool = False

    def load(self) -> State | None:
        """The state in the file, if there is one. A damaged or foreign file costs one line of warning."""
        if not self.path.exists():
            return None
        try:
            file = read_npz(self.path)
            about = json.loads(file["about"].tobytes())
            arrays = {part: [file[f"{part}{i}"] for i in range(count)] for part, count in about["counts"].items()}
            key, history, best_epoch = about["key"], about["history"], about["best_epoch"]
        except (UserError, ValueError, KeyError):
            self._warn("damaged")
            return None
        if key != self.key:
            self._warn("from other parameters, data or code")
            return None
        return State(history, best_epoch, **arrays)

    @property
    def due(self) -> bool:
        """Whether the file was written `seconds` ago, or the training began then."""
        return time.monotonic() - self._written >= self.seconds

    def save(self, state: State) -> None:
        """Replace the file. Where that cannot be done the one before stays, and it costs one line of warning."""
        parts = {"weights": state.weights, "optimizer": state.optimizer, "best": state.best}
        about = {
            "key": self.key,
            "history": state.history,
            "best_epoch": state.best_epoch,
            "counts": {part: len(arrays) for part, arrays in parts.items()},
        }
        named = {f"{part}{i}": array for part, arrays in parts.items() for i, array in enumerate(arrays)}
        try:
            write_npz(self.path, {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **named})
        except UserError as error:
            if not self._warned:
                print(f"warning: {error}; training goes on without it", file=sys.stderr)
            self._warned = True
        self._written = time.monotonic()

    def delete(self) -> None:
        """Remove the file. The folder stays: another process may be about to write there."""
        self.path.unlink(missing_ok=True)
        remove_leftovers(self.path)

    def _warn(self, reason: str) -> None:
        print(f"warning: {self.path}: ignored, as it is {reason}; training starts anew", file=sys.stderr)


def training_key(plan: str, arrays: Sequence[Array]) -> str:
    """SHA-256 of all that determines a training: its plan, as text, and its data."""
    digest = hashlib.sha256(plan.encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
