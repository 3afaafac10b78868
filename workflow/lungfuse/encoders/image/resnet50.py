"""ResNet-50 v1.5, trained on ImageNet-1k.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385.
"""

from types import ModuleType

from lungfuse.encoders import Hub, ImageSpec

SPEC = ImageSpec(
    source=Hub("microsoft/resnet-50", "34c2154c194f829b11125337b98c8f5f9965ff19"),
    width=2048,
    layers=17,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    shape={"embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3]},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import resnet

    return resnet
