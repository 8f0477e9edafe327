"""How alike reconstructions and originals look. Both are (N, H, W, C), in [0, 1] or, the originals, uint8."""

import numpy as np
from skimage.metrics import structural_similarity

from latentlab.metrics.reconstruction import each_image
from latentlab.storage.memory import Array


def ssim(images: Array, reconstructions: Array) -> float:
    """Structural similarity (Wang et al. 2004), mean over images; the window has 7 pixels, fewer in tiny images."""
    return float(each_image(_similarity, images, reconstructions).mean())


def _similarity(images: Array, reconstructions: Array) -> Array:
    side = min(7, *images.shape[1:3])
    window = side if side % 2 else side - 1
    values = [
        structural_similarity(one, other, win_size=window, data_range=1.0, channel_axis=-1)
        for one, other in zip(images, reconstructions, strict=True)
    ]
    return np.array(values)
