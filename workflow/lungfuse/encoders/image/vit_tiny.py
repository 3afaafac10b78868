"""A small ViT with random weights, for the demo and for tests."""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Random

SPEC = ImageSpec(
    source=Random(seed=0),
    width=64,
    layers=4,
    px=64,
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import vit

    return vit
