"""U-Net with padded convolutions, as the rebuilt thesis shaped it: 32-64-128-256-512 channels, one sigmoid output.

Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015,
https://arxiv.org/abs/1505.04597.
"""

from functools import partial

import keras
from keras import KerasTensor, layers

from lungfuse.settings.segmentation import UNetSettings

GROUPS = 8  # of group normalisation


def build_unet(image_size: int, settings: UNetSettings, dtype: str = "float32") -> keras.Model:
    """Grey images (B, image_size, image_size, 1) of any range to probabilities of the same shape, float32 in [0, 1].

    `dtype` is a Keras dtype policy: float32, mixed_bfloat16 or mixed_float16.
    """
    convolve = partial(_convolve, normalisation=settings.normalisation, dtype=dtype)
    *widths, deepest = [settings.width * 2**level for level in range(settings.depth)]
    image = keras.Input((image_size, image_size, 1), name="image")
    # mean 0 and deviation 1 in every image, whatever its exposure and depth of bits
    x = layers.LayerNormalization((1, 2, 3), center=False, scale=False, dtype="float32", name="standardise")(image)
    skips = []
    for width in widths:
        skips.append(convolve(x, width))  # (B, y, x, width)
        x = layers.MaxPooling2D(dtype=dtype)(skips[-1])
    x = convolve(x, deepest)
    for width, skip in zip(reversed(widths), reversed(skips), strict=True):
        x = layers.Conv2DTranspose(width, 2, strides=2, dtype=dtype)(x)
        x = convolve(layers.Concatenate(dtype=dtype)([x, skip]), width)
    lung = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="lung")(x)
    return keras.Model(image, lung, name="unet")


def _convolve(x: KerasTensor, width: int, normalisation: str, dtype: str) -> KerasTensor:
    """Two 3 x 3 convolutions, each normalised and rectified."""
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", use_bias=normalisation == "none", dtype=dtype)(x)
        if normalisation == "batch":
            x = layers.BatchNormalization(momentum=0.9, dtype=dtype)(x)
        if normalisation == "group":
            x = layers.GroupNormalization(GROUPS, dtype=dtype)(x)
        x = layers.ReLU(dtype=dtype)(x)
    return x


def dice_cross_entropy(true: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice loss plus binary cross-entropy, each a mean over images: (B, y, x, 1) twice -> ()."""
    cross_entropy = keras.ops.mean(keras.losses.binary_crossentropy(true, predicted))
    return keras.ops.mean(keras.losses.dice(true, predicted, axis=(1, 2, 3))) + cross_entropy


def dice(true: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice of the mask of each image at a probability of .5: (B, y, x, 1) twice -> (B,)."""
    mask = keras.ops.cast(predicted > 0.5, "float32")
    shared = keras.ops.sum(true * mask, (1, 2, 3))
    both = keras.ops.sum(true, (1, 2, 3)) + keras.ops.sum(mask, (1, 2, 3))
    return 2 * shared / keras.ops.maximum(both, 1)
