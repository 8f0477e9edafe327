"""The images of a page that stand in rows, of one variant."""

from collections.abc import Mapping, Sequence

from latentlab.figures.examples import SHOWN, shown
from latentlab.metrics.noise import at_levels
from latentlab.report.explored import NEIGHBOURS, Explored
from latentlab.report.strips import Strip, strip, table
from latentlab.storage.memory import Array

RANDOM, ACROSS = 100, 20  # images from random codes, and how many stand side by side

Split = Mapping[str, Array]


def same_images(test: Split, decoded: Mapping[str, Mapping[str, Array]], names: Sequence[str]) -> list[Strip]:
    """Ten test images, and what each variant that gives images back makes of them, and of what it was given.

    `names` are those of the images' classes; none without labels.
    """
    chosen = shown(dict(test), SHOWN)
    what = f"of class {', '.join(names)}" if names else ""
    strips = [strip("original", f"{len(chosen)} test images {what}".rstrip(), test["images"][chosen])]
    for variant, arrays in decoded.items():
        if "noisy" in arrays:
            strips.append(strip(f"{variant} input", f"the same with the noise that {variant} removes", arrays["noisy"]))
        if "reconstructions" in arrays:
            strips.append(strip(variant, f"the same, reconstructed by {variant}", arrays["reconstructions"]))
    return strips


def pictures(
    name: str, known: Split, decoded: Split, used: Split, levels: Sequence[float], nearest: Explored, images: Array
) -> list[Strip]:
    """Of one variant: images from random codes, a grid of codes, what noise leaves, images with near codes.

    `known` (n) are test images of learnt classes, the first that uses are measured on; `nearest` has neighbours among
    `images` (N, H, W, C).
    """
    found = []
    if "random" in decoded:
        found.append(strip(name, "Images from random codes", decoded["random"][:RANDOM], ACROSS))
    if "linear_grid" in decoded:
        grid = decoded["linear_grid"]  # (s, s, H, W, C)
        low, high = decoded["linear_axes"][:, 0], decoded["linear_axes"][:, -1]
        text = f"Images from a grid of codes, {low[0]:.3g} to {high[0]:.3g} across and {low[1]:.3g} to {high[1]:.3g} up"
        found.append(strip(name, text, grid.reshape(-1, *grid.shape[2:]), grid.shape[1]))
    rows = [used[f"denoised_{level:g}"] for level in levels if f"denoised_{level:g}" in used]
    if rows:
        chosen = shown({each: array[: len(rows[0])] for each, array in known.items()}, SHOWN)
        text = f"Noise of {', '.join(f'{level:g}' for level in levels)} removed, a row each, below the clean images"
        found.append(strip(name, text, *table([known["images"][chosen] / 255, *(row[chosen] for row in rows)])))
    return [*found, retrieved(name, nearest, images)] if len(images) else found


def retrieved(name: str, nearest: Explored, images: Array) -> Strip:
    """Ten of the explorer's images, each with the images whose codes are nearest."""
    rows = [images[[row, *nearest.neighbours[row]]] for row in range(min(SHOWN, len(images)))]
    text = f"Test images, first in their row, each with the {NEIGHBOURS} whose codes are nearest"
    return strip(name, text, *table(rows))


def noisy_images(known: Split, levels: Sequence[float], seed: int) -> Strip:
    """What noise was removed from, in the order of the levels; `known` as for `pictures`."""
    chosen = shown(dict(known), SHOWN)
    noisy = at_levels(known["images"], tuple(levels), seed)
    order = sorted(levels)
    text = f"Test images with noise of standard deviation {', '.join(f'{level:g}' for level in order)}, a row each"
    return strip("noisy", text, *table([noisy[level][chosen] for level in order]))
