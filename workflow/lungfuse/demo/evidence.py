"""What the images and reports of the demo tell about the class, and the best that can be done with it.

Each study has two signs: one drawn (the lungs are too small or too large), one written (the findings say so). Both
are imperfect and they miss different studies, so that a model that reads both can beat one that reads either.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

# P(drawn sign, written sign | class): rows drawn no / yes, columns written no / yes
SIGNS = {
    "normal": np.array([[0.9025, 0.0475], [0.0475, 0.0025]]),
    "lung": np.array([[0.04, 0.31], [0.21, 0.44]]),
}
# lung volume relative to the thorax: mean and standard deviation
NORMAL_VOLUME = (1.00, 0.06)
SIGN_VOLUME = {"hypoinflation": (0.66, 0.05), "hyperdistention": (1.34, 0.05)}


@dataclass(frozen=True)
class Evidence:
    """One study: whether its findings carry the sign, of which kind, and the relative lung volume of its images."""

    written: bool
    kind: str
    volume: float


def draw_evidence(rng: np.random.Generator, label: str) -> Evidence:
    """Draw the evidence of a study of class `label`, normal or lung."""
    drawn, written = divmod(rng.choice(4, p=SIGNS[label].ravel()), 2)
    kind = str(rng.choice(list(SIGN_VOLUME)))
    return Evidence(bool(written), kind, float(rng.normal(*(SIGN_VOLUME[kind] if drawn else NORMAL_VOLUME))))


def best_accuracy() -> dict[str, float]:
    """The accuracy of the Bayes decision from the image, the text and both, for two classes of equal size.

    The image is taken to show the volume exactly and the text its sign, so no model can do better in expectation. The
    two decisions that see the volume are integrated over it numerically.
    """
    volume = np.linspace(0.3, 1.7, 14_001)
    step = volume[1] - volume[0]
    sign = np.mean([norm.pdf(volume, *parameters) for parameters in SIGN_VOLUME.values()], axis=0)
    density = np.stack([norm.pdf(volume, *NORMAL_VOLUME), sign])  # (drawn sign, volume)
    joint = np.stack([SIGNS[label].T @ density for label in ["normal", "lung"]])  # (class, written sign, volume)
    written = np.stack([SIGNS[label].sum(axis=0) for label in ["normal", "lung"]])  # (class, written sign)
    return {
        "image": joint.sum(axis=1).max(axis=0).sum() * step / 2,
        "text": written.max(axis=0).sum() / 2,
        "both": joint.max(axis=0).sum() * step / 2,
    }
