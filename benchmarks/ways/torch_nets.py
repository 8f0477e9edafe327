"""The nets of `latentlab.models` for 28x28x1 images, in PyTorch: images (N, 1, 28, 28), channels last in memory."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from latentlab.config.variants import Variant

SIDE = 28


@dataclass(frozen=True)
class Net:
    """`encoder` maps images to codes, a variational one to means and log-variances side by side, (N, 2D).

    `decoder` maps codes to logits of pixels, or to pixels if `logits` is false.
    """

    encoder: nn.Module
    decoder: nn.Module
    variational: bool
    logits: bool = True

    def parameters(self) -> list[nn.Parameter]:
        """The trainable ones."""
        both = [*self.encoder.parameters(), *self.decoder.parameters()]
        return [parameter for parameter in both if parameter.requires_grad]


def build(variant: Variant) -> Net:
    """The net of a variant, untrained, on this thread's random numbers."""
    net = BUILDERS[variant.training.model](variant.options)
    for part in (net.encoder, net.decoder):
        part.to(memory_format=torch.channels_last)
    return net


def dense(options: Any) -> Net:
    """Fully connected, mirrored."""
    widths = [SIDE * SIDE, *options.units]
    encoder = nn.Sequential(nn.Flatten(), *_linear(widths))
    return Net(encoder, _to_image(widths[::-1]), variational=False)


def vae(options: Any) -> Net:
    """Fully connected, mirrored around a Gaussian code."""
    widths = [SIDE * SIDE, *options.units]
    encoder = nn.Sequential(nn.Flatten(), *_linear(widths), nn.Linear(widths[-1], 2 * options.latent_dim))
    return Net(encoder, _to_image([options.latent_dim, *widths[::-1]]), variational=True)


def conv(options: Any) -> Net:
    """Convolutions and pooling that rounds up, mirrored by upsampling."""
    encoder, channels, sides = nn.Sequential(), 1, [SIDE]
    for filters in options.filters:
        encoder.extend([nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)])
        channels = filters
        sides.append(-(-sides[-1] // 2))
    decoder, side = nn.Sequential(), sides.pop()
    for filters, before in zip(options.filters[::-1], sides[::-1], strict=True):
        padding = 0 if side - 2 >= -(-before // 2) else 1  # takes back what rounding up has added
        decoder.extend([nn.Conv2d(channels, filters, 3, padding=padding), nn.ReLU(), nn.Upsample(scale_factor=2)])
        channels, side = filters, 2 * (side - 2 + 2 * padding)
    decoder.append(nn.Conv2d(channels, 1, 3, padding=1))
    return Net(encoder, decoder, variational=False)


def vae_conv(options: Any) -> Net:
    """Strided convolutions and a Gaussian code, back by transposed ones."""
    encoder, channels = nn.Sequential(), 1
    for filters in options.filters:
        encoder.extend([nn.Conv2d(channels, filters, 3, stride=2, padding=1), nn.ReLU()])
        channels = filters
    maps = (channels, SIDE >> len(options.filters), SIDE >> len(options.filters))
    size = maps[0] * maps[1] * maps[2]
    encoder.extend([nn.Flatten(), *_linear([size, options.units]), nn.Linear(options.units, 2 * options.latent_dim)])
    decoder = nn.Sequential(*_linear([options.latent_dim, size]), nn.Unflatten(1, maps))
    for filters in options.filters[::-1]:
        decoder.extend([nn.ConvTranspose2d(channels, filters, 3, 2, padding=1, output_padding=1), nn.ReLU()])
        channels = filters
    decoder.append(nn.ConvTranspose2d(channels, 1, 3, padding=1))
    return Net(encoder, decoder, variational=True)


def vae_deconv(options: Any) -> Net:
    """Four convolutions and a Gaussian code, back by three transposed ones."""
    filters, maps = options.filters, (options.filters, SIDE // 2, SIDE // 2)
    size = maps[0] * maps[1] * maps[2]
    encoder = nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)),  # "same" for an even kernel
        *_relu(nn.Conv2d(1, 1, 2)),
        *_relu(nn.Conv2d(1, filters, 2, stride=2)),
        *_relu(nn.Conv2d(filters, filters, 3, padding=1)),
        *_relu(nn.Conv2d(filters, filters, 3, padding=1)),
        nn.Flatten(),
        *_linear([size, options.units]),
        nn.Linear(options.units, 2 * options.latent_dim),
    )
    decoder = nn.Sequential(
        *_linear([options.latent_dim, options.units, size]),
        nn.Unflatten(1, maps),
        *_relu(nn.ConvTranspose2d(filters, filters, 3, padding=1)),
        *_relu(nn.ConvTranspose2d(filters, filters, 3, padding=1)),
        *_relu(nn.ConvTranspose2d(filters, filters, 3, stride=2)),
        nn.Conv2d(filters, 1, 2),
    )
    return Net(encoder, decoder, variational=True)


def lstm(options: Any) -> Net:
    """Rows as time steps, from the last to the first; the decoder's sigmoid gives pixels, not logits."""
    return Net(RowEncoder(options.units), RowDecoder(options.units), variational=False, logits=False)


BUILDERS = {
    "dense": dense,
    "conv": conv,
    "lstm": lstm,
    "vae": vae,
    "vae_conv": vae_conv,
    "vae_deconv": vae_deconv,
}


class RowEncoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """PyTorch's own LSTM, images (N, 1, 28, 28) to its last state (N, units)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(SIDE, units, batch_first=True)
        # Keras has one bias where PyTorch has two
        nn.init.zeros_(self.lstm.bias_hh_l0).requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Read the rows backwards."""
        _, (state, _) = self.lstm(images.squeeze(1).flip(1))
        return state[0]


class RowDecoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """An LSTM with a sigmoid in place of each tanh, which PyTorch's own cannot be; codes (N, units) to images.

    The input is the same at each step, so its product with the weights is taken once.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.input = nn.Linear(units, 4 * SIDE)
        self.recurrent = nn.Linear(SIDE, 4 * SIDE, bias=False)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Write one row a step: (N, 1, 28, 28)."""
        given = self.input(code)  # (N, 4 * 28)
        row = cell = code.new_zeros(len(code), SIDE)
        rows = []
        for _ in range(SIDE):
            take, keep, new, show = torch.sigmoid(given + self.recurrent(row)).chunk(4, dim=1)
            cell = keep * cell + take * new
            row = show * torch.sigmoid(cell)
            rows.append(row)
        return torch.stack(rows, dim=1).unsqueeze(1)


def _linear(widths: list[int]) -> list[nn.Module]:
    """Linear layers from each width to the next, each with a ReLU."""
    return [module for pair in pairwise(widths) for module in _relu(nn.Linear(*pair))]


def _relu(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    return module, nn.ReLU()


def _to_image(widths: list[int]) -> nn.Module:
    """Linear layers through `widths`, the last, without a ReLU, the number of pixels."""
    return nn.Sequential(*_linear(widths[:-1]), nn.Linear(*widths[-2:]), nn.Unflatten(1, (1, SIDE, SIDE)))
