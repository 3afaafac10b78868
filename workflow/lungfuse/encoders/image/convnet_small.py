"""A small network of three convolutions, to be trained from nothing: `layers: full`."""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Random

SPEC = ImageSpec(source=Random(seed=0), width=64, layers=3, shape={"widths": [16, 32, 64]})


def network() -> ModuleType:
    from lungfuse.encoders.networks import convnet

    return convnet
