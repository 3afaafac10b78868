"""Split-conformal prediction sets of classes that exclude each other.

Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers With Bounded Error Levels, JASA 114, 2019,
https://arxiv.org/abs/1609.00451; with a threshold a class, its section on class-specific coverage.
"""

import numpy as np

LAC, CLASS_CONDITIONAL = METHODS = ["lac", "class-conditional"]


def prediction_sets(
    calibrating: np.ndarray, classes: np.ndarray, probabilities: np.ndarray, coverage: float, method: str
) -> np.ndarray:
    """Which classes the set of each pair has, bool of (pair, class).

    Parameters
    ----------
    calibrating, classes
        Probabilities, (calibration pair, class), of pairs whose class, (calibration pair,), is known.
    probabilities
        Those of the pairs that sets are made for, (pair, class).
    coverage
        The share of sets, in (0, 1), that are to hold the right class: of all pairs ("lac"), or of the pairs of each
        class ("class-conditional").
    """
    own = calibrating[np.arange(len(classes)), classes]
    if method == LAC:
        return probabilities >= least_probability(own, coverage)
    least = [least_probability(own[classes == number], coverage) for number in range(probabilities.shape[1])]
    return probabilities >= np.array(least)


def least_probability(own: np.ndarray, coverage: float) -> float:
    """The threshold that the right class of a further pair reaches with a probability of at least `coverage`.

    `own` are the probabilities of the right classes of exchangeable pairs, (pair,). Minus infinity where they are too
    few to promise it: every class is then in the set.
    """
    rank = int(np.ceil((len(own) + 1) * coverage - 1e-9))
    return float(np.sort(own)[len(own) - rank]) if rank <= len(own) else -np.inf
