"""NASNet-A (6 @ 4032), trained on ImageNet-1k with images of 331 pixels; weights: Apache-2.0, by Google.

Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018,
https://arxiv.org/abs/1707.07012.
"""

from types import ModuleType

from lungfuse.encoders import ImageSpec, KerasApplications

SPEC = ImageSpec(
    source=KerasApplications(),
    width=4032,
    layers=23,
    shape={"application": "NASNetLarge"},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import keras_applications

    return keras_applications
