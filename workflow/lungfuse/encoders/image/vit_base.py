"""ViT-Base with patches of 16 pixels, trained on ImageNet-21k.

Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, https://arxiv.org/abs/2010.11929.
"""

from types import ModuleType

from lungfuse.encoders import Hub, ImageSpec

SPEC = ImageSpec(
    source=Hub("google/vit-base-patch16-224-in21k", "b4569560a39a0f1af58e3ddaf17facf20ab919b0"),
    width=768,
    layers=14,
    px=224,
    shape={"patch_size": 16, "intermediate_size": 3072, "num_attention_heads": 12},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import vit

    return vit
