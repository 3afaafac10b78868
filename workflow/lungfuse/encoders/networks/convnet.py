"""Small convolutional networks that learn from nothing: convolution, batch normalisation, ReLU and max-pooling.

Batch normalisation: Ioffe and Szegedy, ICML 2015, https://arxiv.org/abs/1502.03167.
"""

from typing import Any

from torch import Tensor, nn

from lungfuse.encoders import ImageSpec
from lungfuse.errors import UserError

READS, ATTENTION = "image", False


class ConvNet(nn.Sequential):
    """Images (batch, 3, y, x) to features (batch, last of `widths`, y / 2^n, x / 2^n), by n convolutions.

    Batch normalisation learns its statistics with the rest.
    """

    def __init__(self, widths: list[int]):
        inputs = [3, *widths]
        super().__init__(*(_block(*channels) for channels in zip(inputs, widths, strict=False)))
        self.least = 2 ** len(widths)  # pixels of a side

    def forward(self, images: Tensor) -> Tensor:
        if min(images.shape[2:]) < self.least:
            raise UserError(
                f"images.image_size: found {min(images.shape[2:])}, expected {self.least} or more for {len(self)} "
                "convolutions, each of which halves the side. Set it in params.yaml."
            )
        return super().forward(images)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2))


def build(config: dict[str, Any]) -> nn.Module:
    return ConvNet(config["widths"])


def layers(network: nn.Module) -> list[nn.Module]:
    return list(network)


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    return network(images).flatten(2).transpose(1, 2)  # (batch, channel, y, x) -> (batch, y * x, channel)


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    return dict(spec.shape)
