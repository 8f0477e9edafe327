"""What removing noise gains, and a filter to compare with. Noisy and denoised images are (N, H, W, C) float32."""

import numpy as np
from scipy import ndimage

from latentlab.metrics.reconstruction import psnr
from latentlab.metrics.similarity import ssim
from latentlab.storage.memory import Array, chunks


def before_and_after(images: Array, noisy: Array, denoised: Array) -> dict[str, float]:
    """PSNR (decibels) and SSIM to the clean `images`, uint8, of `noisy` and of `denoised`; means over images.

    `psnr_noisy` is the mean of 10 log10(1 / MSE of a noisy image and its clean one), `psnr` the same of the denoised
    image, both with a peak of 1 and no more than 100 dB an image; their difference is the gain. `ssim_noisy` and `ssim`
    are so too. Pixels outside of [0, 1] are clipped first, as any display would.
    """
    noisy, denoised = _clipped(noisy), _clipped(denoised)
    return {
        "psnr_noisy": psnr(images, noisy),
        "psnr": psnr(images, denoised),
        "ssim_noisy": ssim(images, noisy),
        "ssim": ssim(images, denoised),
    }


def median_filter(noisy: Array, size: int = 3) -> Array:
    """Each pixel's median over `size` x `size` pixels of its channel, (N, H, W, C); the image is mirrored at its edges.

    Raises ValueError unless `size` is odd, as the window would have no middle.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size {size}")
    filtered = np.empty_like(noisy)
    for chunk in chunks(noisy):
        ndimage.median_filter(noisy[chunk], size=(1, size, size, 1), output=filtered[chunk], mode="reflect")
    return filtered


def _clipped(images: Array) -> Array:
    """In [0, 1], and no copy of images that are."""
    within = not images.size or (images.min() >= 0 and images.max() <= 1)
    return images if within else np.clip(images, 0, 1)
