import keras
import numpy as np
import pytest

from lungfuse.segment.unet import build_unet, dice, dice_cross_entropy
from lungfuse.settings.segmentation import UNetSettings

SMALL = UNetSettings(width=8, depth=3, normalisation="batch")


def test_without_normalisation_it_has_the_weights_of_the_published_one():
    network = build_unet(256, UNetSettings(width=32, depth=5, normalisation="none"))
    assert network.output_shape == (None, 256, 256, 1)
    assert network.count_params() == 7_759_521


@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
def test_every_weight_learns(normalisation):
    network = build_unet(16, SMALL.model_copy(update={"normalisation": normalisation}))
    network.compile(keras.optimizers.SGD(1.0), dice_cross_entropy)
    rng = np.random.default_rng(0)
    before = [weight.numpy() for weight in network.trainable_weights]
    network.train_on_batch(rng.random((4, 16, 16, 1)), rng.integers(0, 2, (4, 16, 16, 1)).astype("float32"))
    changed = [not np.array_equal(a, b.numpy()) for a, b in zip(before, network.trainable_weights, strict=True)]
    assert all(changed)


def test_exposure_does_not_matter():
    network = build_unet(16, SMALL)
    image = np.random.default_rng(0).random((1, 16, 16, 1)).astype("float32")
    np.testing.assert_allclose(network(image), network(40 * image + 7), atol=2e-2)


def test_dice_and_loss_of_known_masks():
    true = np.zeros((2, 4, 4, 1), "float32")
    true[:, :2] = 1
    half = true.copy()
    half[1, 1] = 0
    np.testing.assert_allclose(dice(true, half), [1, 2 / 3], rtol=1e-6)
    assert float(dice_cross_entropy(true, true)) < 1e-3 < float(dice_cross_entropy(true, half))
