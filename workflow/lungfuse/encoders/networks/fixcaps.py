"""The part of FixCaps before its classes: Lan et al., IEEE Access 10, 2022, https://doi.org/10.1109/ACCESS.2022.3181225.

A convolution of 31 x 31 pixels, pooling to 20 x 20 places, attention to channels and places (CBAM: Woo et al., ECCV
2018, https://arxiv.org/abs/1807.06521), and primary capsules (Sabour et al., NeurIPS 2017,
https://arxiv.org/abs/1710.09829).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lungfuse.encoders import ImageSpec
from lungfuse.errors import UserError
from lungfuse.layers.capsules import squash

READS, ATTENTION = "image", False
CHANNELS, KERNEL, STRIDE, SIDE = 128, 31, 2, 20  # SIDE of what is pooled to
CAPSULES, WIDTH = 16, 8  # at each place, and numbers of each
MIN_SIZE = KERNEL + STRIDE * SIDE  # pixels of a side


class Cbam(nn.Module):
    """A convolution whose channels, then places, are weighed by what they hold: (B, C, y, x) to the same shape."""

    def __init__(self, channels: int):
        super().__init__()
        convolution = nn.Conv2d(channels, channels, 1, bias=False)
        self.convolve = nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.Hardswish())
        down, up = (nn.Conv2d(channels, channels, 1, bias=False) for _ in range(2))
        self.of_channels = nn.Sequential(down, nn.ReLU(), up)
        self.of_places = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolve(x)
        mean, most = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * (self.of_channels(mean) + self.of_channels(most)).sigmoid()
        both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * self.of_places(both).sigmoid()


class FixCaps(nn.Module):
    """Images (B, 3, y, x) to primary capsules (B, 576, 8): 16 at each of 36 places, those of a kind side by side.

    Where pooling takes its squares is drawn in training, and fixed after it. As `published` it is drawn there too, and
    capsules are squashed not by their own length, but by that of each of their numbers over all capsules.
    """

    def __init__(self, published: bool):
        super().__init__()
        self.published = published
        self.convolution = nn.Conv2d(3, CHANNELS, KERNEL, stride=STRIDE, bias=False)
        self.attention = Cbam(CHANNELS)
        self.primary = nn.Conv2d(CHANNELS, CAPSULES * WIDTH, 9, stride=2, groups=CAPSULES, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        if min(images.shape[2:]) < MIN_SIZE:
            raise UserError(
                f"images.image_size: found {min(images.shape[2:])}, expected {MIN_SIZE} or more for fixcaps, whose "
                f"convolution is {KERNEL} pixels wide. Set it in params.yaml."
            )
        x = self.primary(self.attention(self.pool(self.convolution(images).relu())))
        capsules = x.unflatten(1, (CAPSULES, WIDTH)).movedim(2, -1).flatten(1, 3)  # (B, capsule, number)
        return squash(capsules.float(), dim=1 if self.published else 2)

    def pool(self, x: Tensor) -> Tensor:
        """The maxima of 20 x 20 squares of 2 x 2 (Graham, 2014, https://arxiv.org/abs/1412.6071)."""
        drawn = self.training or self.published
        middle = None if drawn else torch.full((*x.shape[:2], 2), 0.5, dtype=x.dtype, device=x.device)
        return functional.fractional_max_pool2d(x, 2, output_size=SIDE, _random_samples=middle)


def build(config: dict[str, Any]) -> nn.Module:
    return FixCaps(config["published"])


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.convolution, network.attention, network.primary]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    return network(images)


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    return dict(spec.shape)
