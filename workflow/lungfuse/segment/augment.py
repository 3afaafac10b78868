"""Other framings, exposures and noise of an image, so that a segmenter learns the marked and not a site's look."""

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter


def augment(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One variant of an image and its mask.

    Parameters
    ----------
    image
        Shape (height, width), 0 black to 255 white.
    mask
        Bool of the same shape.

    Returns
    -------
    Image, float32 in [0, 1], and mask, float32 of 0 and 1.
    """
    matrix, offset = _framing(rng, image.shape)
    edge = {"mode": "constant", "cval": float(image.min())} if rng.random() < 0.5 else {"mode": "nearest"}
    image = affine_transform(image.astype(np.float32), matrix, offset, order=1, **edge)
    mask = affine_transform(mask.astype(np.float32), matrix, offset, order=1) > 0.5
    return _exposure(rng, image / 255), mask.astype(np.float32)


def _framing(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rotation to 15 degrees, a width and a height of 70 to 130 %, a shift of a tenth, a flip of left and right."""
    angle = np.deg2rad(rng.uniform(-15, 15))
    scale = rng.uniform(0.8, 1.2) * np.array([rng.uniform(0.9, 1.1), 1])
    flip = np.array([1, rng.choice([-1, 1])])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.diag(flip / scale)
    centre = (np.array(shape) - 1) / 2
    return matrix, centre - matrix @ centre + rng.uniform(-0.1, 0.1, 2) * shape


def _exposure(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Gamma, contrast, brightness, blur, noise; one in ten is inverted, as some archives store them."""
    image = np.clip(image, 0, 1) ** np.exp(rng.uniform(-0.6, 0.6))
    image = np.clip((image - 0.5) * rng.uniform(0.6, 1.4) + 0.5 + rng.uniform(-0.15, 0.15), 0, 1)
    if rng.random() < 0.3:
        image = gaussian_filter(image, rng.uniform(0.3, 1.5))
    image = image + rng.uniform(0, 0.06) * rng.standard_normal(image.shape, dtype=np.float32)
    if rng.random() < 0.1:
        image = 1 - image
    return image.astype(np.float32)
