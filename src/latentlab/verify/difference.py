"""How two things differ: where, from what to what, and how far."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latentlab.storage.memory import Array
from latentlab.verify import tolerances
from latentlab.verify.tolerances import EXACT, Tolerance

NUMBERS = "biuf"  # kinds of dtypes


@dataclass(frozen=True)
class Difference:
    """One difference. `size` is in the measure of the tolerance, infinite for what cannot be measured."""

    place: str
    old: str
    new: str
    size: float
    tolerance: Tolerance = EXACT
    excused: str = ""  # why it counts as within tolerance, whatever its size

    @property
    def within(self) -> bool:
        """Whether it is within tolerance."""
        return bool(self.excused) or self.size <= self.tolerance.allowed

    @property
    def rank(self) -> tuple[bool, float, float]:
        """What makes it larger than another one."""
        excess = self.size / self.tolerance.allowed if self.tolerance.allowed else math.inf
        return not self.within, excess, self.size

    @property
    def words(self) -> str:
        """All of it, in one line."""
        measured = f", {self.size:.2g} {self.tolerance.measure}" if math.isfinite(self.size) and self.size else ""
        excused = f" ({self.excused})" if self.excused else ""
        return f"{self.place} {self.old} -> {self.new}{measured}{excused}".strip()

    def excuse(self, why: str) -> "Difference":
        """The same, within tolerance."""
        return replace(self, excused=why)


def largest(found: Iterable[Difference]) -> Difference | None:
    """The one that tells most; None if there is none."""
    return max(found, key=lambda each: each.rank, default=None)


def unmeasured(place: str, old: Any, new: Any) -> Difference:
    """One that is no matter of size."""
    return Difference(place, _shown(old), _shown(new), math.inf)


def of_values(place: str, old: Any, new: Any) -> Difference | None:
    """Of two plain values; numbers that are not a number are the same, as are None and nothing else."""
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return of_arrays(place, old, new)
    if type(old) is type(new) and (old == new or (old != old and new != new)):
        return None
    if tolerances.is_no_result(place):
        return Difference(place, _shown(old), _shown(new), 0.0)
    if not (_is_number(old) and _is_number(new)):
        return unmeasured(place, old, new)
    if isinstance(old, int) and isinstance(new, int):
        return Difference(place, _shown(old), _shown(new), float(abs(old - new)))
    tolerance = tolerances.of_number(place)
    return Difference(place, _shown(old), _shown(new), _size(float(old), float(new), tolerance.measure), tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(old: float, new: float, measure: str) -> float:
    distance = abs(old - new)
    if math.isnan(distance):
        return math.inf
    return distance if measure == tolerances.ABSOLUTE or not distance else distance / (abs(old) or abs(new))


def of_arrays(place: str, old: Array, new: Array, tolerance: Tolerance | None = None) -> Difference | None:
    """The largest of two arrays of any shape. Numbers that are not a number are the same.

    Floats are measured by the largest finite magnitude of the old array, whole numbers as they are.
    """
    if old.shape != new.shape or old.dtype != new.dtype:
        return unmeasured(place, f"{old.dtype} {old.shape}", f"{new.dtype} {new.shape}")
    unequal = old != new
    if old.dtype.kind == "f":
        unequal &= ~(np.isnan(old) & np.isnan(new))
    at = np.flatnonzero(unequal)
    if not at.size:
        return None
    if old.dtype.kind not in NUMBERS:
        return unmeasured(_indexed(place, at[0], old.shape), old.reshape(-1)[at[0]], new.reshape(-1)[at[0]])
    tolerance = tolerance or (tolerances.ARRAY if old.dtype.kind == "f" else EXACT)
    ours, theirs = (array.reshape(-1)[at].astype(np.float64) for array in (old, new))
    with np.errstate(invalid="ignore"):
        distances = np.abs(ours - theirs)
    distances[np.isnan(distances)] = np.inf
    chosen = int(np.argmax(distances))
    scale = _scale(old) if tolerance.measure == tolerances.OF_LARGEST else 1.0
    return Difference(
        _indexed(place, at[chosen], old.shape),
        _shown(ours[chosen].item()),
        _shown(theirs[chosen].item()),
        float(distances[chosen] / scale),
        tolerance,
    )


def _scale(array: Array) -> float:
    finite = array[np.isfinite(array)]
    return float(np.abs(finite).max(initial=0)) or 1.0


def _indexed(place: str, flat: Any, shape: tuple[int, ...]) -> str:
    index = ", ".join(str(int(each)) for each in np.unravel_index(int(flat), shape))
    return f"{place}[{index}]"


def _shown(value: Any) -> str:
    """A value in few words."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
