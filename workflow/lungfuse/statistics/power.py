"""How many cases it takes to see a difference, and what more cases would say of one that few have shown."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import t

ALPHA, POWER = 0.05, 0.8
DISCORDANT = 0.15  # share of cases in which one of two models is right and the other is not
ALIKE = 0.5  # correlation within a group of whether a model is right
MOST = 1000  # times as many groups as there are, beyond which it is not said how many decide


def cases_of_accuracy(difference: float, discordant: float = DISCORDANT) -> float:
    """Cases that show a difference in accuracy of two models on the same cases (Connor, Biometrics 43, 1987).

    `discordant` is the share of cases in which the models differ in being right.
    """
    discordant = max(discordant, difference)
    chance, power = ndtri(1 - ALPHA / 2), ndtri(POWER)
    return (chance * np.sqrt(discordant) + power * np.sqrt(discordant - difference**2)) ** 2 / difference**2


def least_difference(cases: float, discordant: float = DISCORDANT) -> float:
    """The least difference in accuracy that so many cases show."""
    if cases_of_accuracy(1.0) >= cases:
        return 1.0
    return float(brentq(lambda difference: cases_of_accuracy(difference, discordant) - cases, 1e-4, 1.0))


def design_effect(sizes: np.ndarray) -> float:
    """How many times as many cases it takes because those of a group, of these sizes, are alike (Kish, 1965)."""
    return 1 + ((sizes**2).sum() / sizes.sum() - 1) * ALIKE


def variance_of_auroc(auroc: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """That of Hanley and McNeil (Radiology 143, 1982), of so many positive and negative cases; all of one shape."""
    of_positives, of_negatives = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    found = auroc * (1 - auroc) + (positives - 1) * (of_positives - auroc**2)
    return (found + (negatives - 1) * (of_negatives - auroc**2)) / (positives * negatives)


def variance_of_difference(
    auroc: np.ndarray, difference: float, classes: np.ndarray, correlation: float
) -> float:  # fmt: skip
    """That of the difference of two AUROCs on the same cases, the mean over labels, where it is `difference`.

    `auroc` is that of the lesser model, (label,), `classes` the number of cases without and with each label, (label,
    2); labels vary on their own. Near 1 there is less room above, so the lesser one is at most 1 - `difference`.
    """
    lesser = np.minimum(auroc, 1 - difference)
    negatives, positives = classes.T
    a, b = (variance_of_auroc(each, positives, negatives) for each in (lesser, lesser + difference))
    return float(np.sum(a + b - 2 * correlation * np.sqrt(a * b)) / len(auroc) ** 2)


@dataclass(frozen=True)
class Seen:
    """What a study has shown of a gain, and how it would go on with more groups.

    `of_cases` is the part of the variance that shrinks with the number of groups, `of_training` the one that only more
    trainings make less. `below` and `above` are how many standard errors the interval reaches, and `degrees` the
    degrees of freedom of the error.
    """

    value: float
    of_cases: float
    of_training: float
    below: float
    above: float
    degrees: float

    def error(self, times: float) -> float:
        """The standard error with so many times the groups."""
        return float(np.sqrt(self.of_cases / times + self.of_training))

    def reach(self, times: float) -> np.ndarray:
        """How far the interval reaches below and above, (2,), with so many times the groups."""
        upper = 1 - ALPHA / 2
        narrower = t.ppf(upper, self.degrees * times) / t.ppf(upper, self.degrees)
        return np.array([self.below, self.above]) * narrower * self.error(times)

    def words(self, times: float, margin: float) -> dict[str, float]:
        """The probability of each word where the study goes on to so many times its groups.

        What it has shown so far is a part of what it then shows, and nothing else is known of the gain. Models are
        trained anew, but are no better for the additional cases.
        """
        low, high = self.reach(times)
        spread = np.sqrt(self.of_cases * (1 - 1 / times) + 2 * self.of_training)

        def beyond(value: float) -> float:
            if spread == 0:
                return float(self.value > value)
            return float(t.sf((value - self.value) / spread, self.degrees))

        inside = [low - margin, margin - high]  # the gains between which it is equivalent
        equivalent = max(0.0, beyond(inside[0]) - beyond(inside[1])) if inside[0] < inside[1] else 0.0
        within = inside if inside[0] < inside[1] else [0.0, 0.0]
        found = {"better": beyond(max(low, within[1])), "worse": 1 - beyond(min(-high, within[0]))}
        found["equivalent"] = equivalent
        return found | {"inconclusive": max(0.0, 1 - sum(found.values()))}

    def times_to_decide(self, margin: float, surely: float = POWER) -> float:
        """How many times the groups it takes to decide the study so surely; 1 if it is, infinite if no number does."""

        def undecided(logarithm: float) -> float:
            return self.words(float(np.exp(logarithm)), margin)["inconclusive"] - (1 - surely)

        grid = np.linspace(0, np.log(MOST), 60)
        left = [undecided(each) > 0 for each in grid]
        if not left[0]:
            return 1.0
        if left[-1]:
            return float("inf")
        last = max(n for n, each in enumerate(left) if each)
        return float(np.exp(brentq(undecided, grid[last], grid[last + 1])))
