"""The scores by which test images of other classes than the learnt ones are told, for numbers and for a picture."""

from latentlab.metrics.reconstruction import image_bce
from latentlab.metrics.variational import negative_elbo
from latentlab.storage.memory import Array

ERROR, ELBO = "reconstruction error", "negative ELBO"


def anomaly_scores(images: Array, decoded: dict[str, Array]) -> dict[str, Array]:
    """In nats an image (N,) float64, of images (N, H, W, C): `ERROR`, and `ELBO` of a variational autoencoder.

    The negative ELBO is that of one draw of the code an image.
    """
    scores = {ERROR: image_bce(images, decoded["reconstructions"])}
    if "sampled" in decoded:
        scores[ELBO] = negative_elbo(images, decoded["sampled"], decoded["z_mean"], decoded["z_log_var"])
    return scores
