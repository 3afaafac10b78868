"""DenseNet-121, trained on ImageNet-1k; weights: BSD 3-Clause, by the authors of the paper.

Huang et al., Densely Connected Convolutional Networks, CVPR 2017, https://arxiv.org/abs/1608.06993.
"""

from types import ModuleType

from lungfuse.encoders import ImageSpec, KerasApplications

SPEC = ImageSpec(
    source=KerasApplications(),
    width=1024,
    layers=63,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    shape={"application": "DenseNet121"},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import keras_applications

    return keras_applications
