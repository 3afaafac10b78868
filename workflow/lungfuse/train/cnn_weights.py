"""The networks of keras.applications, and the weights they start from."""

import json
from pathlib import Path

import keras

from lungfuse.files import atomic_path, atomic_write, sha256
from lungfuse.settings.cnns import NetworkName

PX = 224
MODULES = {
    "densenet121": (keras.applications.densenet, "DenseNet121"),
    "densenet169": (keras.applications.densenet, "DenseNet169"),
    "densenet201": (keras.applications.densenet, "DenseNet201"),
    "vgg19": (keras.applications.vgg19, "VGG19"),
    "nasnetlarge": (keras.applications.nasnet, "NASNetLarge"),
}


def main(*, network: NetworkName, cnn_weights: str, seed: int, weights: Path, source: Path) -> None:
    """Make the weights a network starts from: those of ImageNet, or random ones where these cannot be had.

    Parameters
    ----------
    network
        Name of the network.
    cnn_weights
        imagenet or random.
    seed
        Seed of random weights.
    weights
        Output: the weights, .weights.h5.
    source
        Output: where they are from.
    """
    found = cnn_weights
    keras.utils.set_random_seed(seed)
    if found == "imagenet":
        try:
            model = build_network(network, PX, "imagenet")
        except Exception as error:  # Keras raises a bare Exception when a download fails
            print(f"WARNING: the ImageNet weights of {network} cannot be had ({error}); random ones are used.")
            found = "random"
    if found == "random":
        model = build_network(network, PX)
    with atomic_path(weights) as path:
        model.save_weights(path)
    with atomic_write(source) as stream:
        json.dump({"network": network, "weights": found, "sha256": sha256(weights)}, stream, indent=2)


def build_network(network: NetworkName, image_size: int, weights: str | None = None) -> keras.Model:
    """The network without its classifier: colour images (B, image_size, image_size, 3) to features (B, y, x, C).

    Its weights do not depend on `image_size`.
    """
    module, name = MODULES[network]
    return getattr(module, name)(include_top=False, weights=weights, input_shape=(image_size, image_size, 3))


def preprocess(network: NetworkName, images: keras.KerasTensor) -> keras.KerasTensor:
    """Colours in [0, 255] as the network was trained on them."""
    return MODULES[network][0].preprocess_input(images)
