"""What the images and reports of the demo say about the class, and the best that can be done with it.

Each study has two signs: one drawn (the lungs are too small or too large), one written (the findings say so). Both
are imperfect and they miss different studies, so that a model that reads both can beat one that reads either. Patients
with lung disease are older and have more C-reactive protein (CRP), whatever the signs are; sex carries no signal.
"""

from dataclasses import dataclass
from itertools import product

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

CLASSES = ["normal", "lung"]
AGE_MEAN, AGE_SD = {"normal": 50.0, "lung": 64.0}, 12.0  # years
LOG_CRP_MEAN, LOG_CRP_SD = {"normal": np.log(3.0), "lung": np.log(12.0)}, 0.9  # of mg/L
MISSING = {"age": 0.05, "crp": 0.20}  # shares of the patients


@dataclass(frozen=True)
class Evidence:
    """One study: whether its images and its findings carry the sign, of which kind, and the relative lung volume."""

    drawn: bool
    written: bool
    kind: str
    volume: float


def draw_evidence(rng: np.random.Generator, label: str) -> Evidence:
    """Draw the evidence of a study of class `label`, normal or lung."""
    drawn, written = divmod(rng.choice(4, p=SIGNS[label].ravel()), 2)
    kind = str(rng.choice(list(SIGN_VOLUME)))
    volume = float(rng.normal(*(SIGN_VOLUME[kind] if drawn else NORMAL_VOLUME)))
    return Evidence(bool(drawn), bool(written), kind, volume)


def draw_patient(rng: np.random.Generator, label: str) -> dict[str, str]:
    """Draw what is known of a patient of class `label`: age in years, sex, CRP in mg/L; empty where it is missing."""
    values = {
        "age": f"{rng.normal(AGE_MEAN[label], AGE_SD):.0f}",
        "sex": str(rng.choice(["F", "M"])),
        "crp": f"{np.exp(rng.normal(LOG_CRP_MEAN[label], LOG_CRP_SD)):.1f}",
    }
    return {name: "" if rng.random() < MISSING.get(name, 0) else value for name, value in values.items()}


def best_accuracy() -> dict[str, float]:
    """The accuracy of the Bayes decision from each set of modalities, for two classes of equal size.

    The image is taken to show the volume exactly and the text its sign, so no model can do better in expectation; what
    is missing of a patient is missing. Keys are the modalities with " + " between them. Decisions that see the volume
    are integrated over it numerically, those over age and CRP in closed form; rounding these is left out.
    """
    volume = np.linspace(0.3, 1.7, 14_001)
    step = volume[1] - volume[0]
    sign = np.mean([norm.pdf(volume, *parameters) for parameters in SIGN_VOLUME.values()], axis=0)
    density = np.stack([norm.pdf(volume, *NORMAL_VOLUME), sign]) * step  # (drawn sign, volume)
    joint = np.stack([SIGNS[label].T @ density for label in CLASSES])  # (class, written sign, volume)
    seen = {
        "": np.ones((2, 1)),
        "image": joint.sum(axis=1),
        "text": np.stack([SIGNS[label].sum(axis=0) for label in CLASSES]),
        "image + text": joint.reshape(2, -1),
    }
    found = {name: float(likelihoods.max(axis=0).sum() / 2) for name, likelihoods in seen.items() if name}
    found |= {f"{name} + structured".removeprefix(" + "): _with_structured(seen[name]) for name in seen}
    return found


def _with_structured(likelihoods: np.ndarray) -> float:
    """The accuracy of the Bayes decision from what has these likelihoods, (class, outcome), and age and CRP beside it.

    Age and the logarithm of CRP are normal with the same spread in both classes, so their log likelihood ratio is
    normal: of variance d^2 around -d^2 / 2 and d^2 / 2, where d is the distance of the classes in what is not missing.
    """
    normal, lung = np.maximum(likelihoods, np.finfo(float).tiny)
    for_lung, total = np.log(lung / normal), 0.0
    age = (AGE_MEAN["lung"] - AGE_MEAN["normal"]) / AGE_SD
    crp = (LOG_CRP_MEAN["lung"] - LOG_CRP_MEAN["normal"]) / LOG_CRP_SD
    for no_age, no_crp in product([True, False], repeat=2):
        share = (MISSING["age"] if no_age else 1 - MISSING["age"]) * (MISSING["crp"] if no_crp else 1 - MISSING["crp"])
        d = max(np.hypot(0 if no_age else age, 0 if no_crp else crp), 1e-9)
        right = normal * norm.cdf(d / 2 - for_lung / d) + lung * norm.cdf(d / 2 + for_lung / d)
        total += share * right.sum() / 2
    return float(total)
