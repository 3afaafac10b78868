"""Probabilities to clean masks, and what is suspicious about a mask."""

import numpy as np
from scipy.ndimage import binary_dilation, binary_fill_holes, label

from lungfuse.settings.segmentation import MaskSettings, SuspicionSettings


def clean(probability: np.ndarray, settings: MaskSettings) -> np.ndarray:
    """The mask of one image: thresholded, its largest components, holes filled, widened by the margin.

    (height, width) in [0, 1] to bool of the same shape.
    """
    mask = binary_fill_holes(largest(probability > settings.threshold, settings.components))
    steps = round(settings.margin * len(mask))
    return binary_dilation(mask, iterations=steps) if steps else mask


def largest(mask: np.ndarray, count: int) -> np.ndarray:
    """The `count` largest connected components of a bool mask."""
    numbered, _ = label(mask)
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    return mask & np.isin(numbered, np.argsort(sizes, kind="stable")[::-1][:count])


def measure(image: np.ndarray, probability: np.ndarray, mask: np.ndarray, settings: MaskSettings) -> dict[str, float]:
    """What `MaskQuality` says of the mask of an image: area, components, asymmetry, contrast.

    The three arrays are (height, width): levels of grey, or of colours at the end, probabilities, bool.
    """
    width = mask.shape[1]
    left, right = mask[:, : width // 2].sum(), mask[:, width - width // 2 :].sum()
    return {
        "area": mask.mean(),
        "components": label(probability > settings.threshold)[1],
        "asymmetry": abs(int(left) - int(right)) / max(left + right, 1),
        "contrast": image.std(),
    }


def suspicion(measured: dict[str, float], settings: SuspicionSettings) -> str:
    """Why a mask should be looked at, or nothing."""
    reasons = []
    if measured["area"] < settings.min_area:
        reasons.append(f"area below {settings.min_area:.0%} of the image")
    if measured["area"] > settings.max_area:
        reasons.append(f"area above {settings.max_area:.0%} of the image")
    if measured["asymmetry"] > settings.max_asymmetry:
        reasons.append(f"sides differ by more than {settings.max_asymmetry:.0%}")
    if measured["components"] > settings.max_components:
        reasons.append(f"more than {settings.max_components} components")
    if measured["contrast"] < settings.min_contrast:
        reasons.append("image almost without contrast")
    return "; ".join(reasons)
