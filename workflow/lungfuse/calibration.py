"""Calibration by a line on log odds.

Platt, Probabilistic Outputs for Support Vector Machines, 1999; Guo et al., On Calibration of Modern Neural Networks,
2017, https://arxiv.org/abs/1706.04599.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

LIMIT = 1e-6  # of scores, whose log odds would be infinite
SLOPES = (0.01, 20)  # a calibrated score never ranks cases otherwise than the score does
INTERCEPTS = (-20, 20)


def log_odds(scores: np.ndarray) -> np.ndarray:
    """Those of scores in [0, 1], of the same shape."""
    return logit(np.clip(scores, LIMIT, 1 - LIMIT))


def calibrating_line(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and intercept with the least log loss on pairs that the model has not learned from, all of shape (pair,).

    A label between 0 and 1 counts as both, by its share.

    Labels are moved towards each other as by one more pair of the other class, as Platt does, so that a few pairs which
    are separated without an error make no certainty.
    """
    positives, negatives = labels.sum(), (1 - labels).sum()
    targets = labels * ((positives + 1) / (positives + 2)) + (1 - labels) * (1 / (negatives + 2))
    odds = log_odds(scores)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = odds * line[0] + line[1]
        wrong = expit(z) - targets
        value = -(targets * log_expit(z) + (1 - targets) * log_expit(-z)).mean()
        return value, np.array([(wrong * odds).mean(), wrong.mean()])

    slope, intercept = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[SLOPES, INTERCEPTS]).x
    return float(slope), float(intercept)
