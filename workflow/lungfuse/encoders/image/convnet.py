"""A small network of four convolutions, to be trained from nothing: `layers: full`."""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Random

SPEC = ImageSpec(source=Random(seed=0), width=256, layers=4, shape={"widths": [32, 64, 128, 256]})


def network() -> ModuleType:
    from lungfuse.encoders.networks import convnet

    return convnet
