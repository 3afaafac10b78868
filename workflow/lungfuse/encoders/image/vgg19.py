"""VGG-19, trained on ImageNet-1k; weights: CC BY 4.0, by the Visual Geometry Group, Oxford.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
https://arxiv.org/abs/1409.1556.
"""

from types import ModuleType

from lungfuse.encoders import ImageSpec, KerasApplications

SPEC = ImageSpec(
    source=KerasApplications(),
    width=512,
    layers=16,
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),  # of ImageNet
    std=1 / 255,
    shape={"application": "VGG19"},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import keras_applications

    return keras_applications
