"""PyTorch's eager mode: float32 images in memory, channels last, Adam as it is by default."""

import torch
from torch.nn import functional

from benchmarks.ways import SEED, Prepared
from benchmarks.ways.torch_nets import Net, build
from latentlab.config.variants import Training, Variant
from latentlab.storage.memory import Array


def prepare(
    variant: Variant, images: Array, threads: int, fused: bool | None = None, compiled: bool = False
) -> Prepared:
    """Batches are gathered by a shuffled index; noise and codes are drawn at each step."""
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    net = build(variant)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)  # (N, 1, 28, 28)
    weights = net.parameters()
    optimizer = torch.optim.Adam(weights, eps=1e-7, fused=fused)  # Keras' epsilon

    def loss(images: torch.Tensor) -> torch.Tensor:
        return _loss(net, images, variant.training)

    loss_of = torch.compile(loss, dynamic=False) if compiled else loss
    used = len(pixels) - len(pixels) % variant.training.batch_size if compiled else len(pixels)

    def epoch() -> None:
        for rows in torch.randperm(len(pixels))[:used].split(variant.training.batch_size):
            optimizer.zero_grad()
            loss_of(pixels[rows]).backward()
            optimizer.step()

    return Prepared(sum(weight.numel() for weight in weights), epoch)


def _loss(net: Net, images: torch.Tensor, settings: Training) -> torch.Tensor:
    """The losses of `latentlab.training.losses`, mean over the batch (N, 1, 28, 28)."""
    inputs = images
    if settings.noise:
        inputs = (images + settings.noise * torch.randn_like(images)).clamp_(0, 1)
    code = net.encoder(inputs)
    if not net.variational:
        loss = _bce(net, code, images)
        return loss + settings.activity_l1 * code.abs().sum() / len(images) if settings.activity_l1 else loss
    mean, log_var = code.chunk(2, dim=1)  # each (N, D)
    drawn = mean + torch.exp(log_var / 2) * torch.randn_like(mean)
    divergence = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum()
    return _bce(net, drawn, images) * images[0].numel() + divergence / len(images)


def _bce(net: Net, code: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy of a pixel in nats."""
    decoded = net.decoder(code)
    if net.logits:
        return functional.binary_cross_entropy_with_logits(decoded, images)
    return functional.binary_cross_entropy(decoded, images)
