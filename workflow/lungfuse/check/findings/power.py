"""How many cases it takes to see a difference between two rows, and which difference these cases can show."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.words import counted

DISCORDANT = 0.15  # share of cases in which one of two rows is right and the other is not
ALIKE = 0.5  # correlation within a group of whether a row is right
ALPHA, POWER = 0.05, 0.8
DIFFERENCES = [0.02, 0.05]


def findings(data: Checked) -> Iterator[Finding]:
    if len(data.cases) < 2:
        return
    effect = design_effect(data.cases["group"].value_counts().to_numpy())
    needed = {difference: round(cases_needed(difference) * effect) for difference in DIFFERENCES}
    seen = least_difference(len(data.cases) / effect)
    said = " and ".join(f"{number:,} for {difference * 100:.0f} points" for difference, number in needed.items())
    grouped = f", {counted(len(data.cases), 'case')} in {data.cases['group'].nunique():,} groups count as "
    grouped += f"{len(data.cases) / effect:,.0f}"
    yield Finding(
        "warning" if seen > 0.1 else "note",
        "difference",
        f"To see a difference in accuracy between two rows takes {said}; the least that these "
        f"{counted(len(data.cases), 'case')} show is {seen * 100:.1f} points. Counted for one test in pairs (McNemar), "
        f"5 %, power 80 %, rows that differ in {DISCORDANT:.0%} of the cases{grouped if effect > 1.005 else ''}.",
        "A smaller difference is not shown, even if it is there: none shown does not mean that rows are alike.",
        "Read the intervals. Compare few rows, for p is corrected for all of them; add patients rather than images.",
    )


def cases_needed(difference: float, discordant: float = DISCORDANT) -> float:
    """Cases that show a difference in accuracy of two rows on the same cases (Connor, Biometrics 43, 1987).

    `discordant` is the share of cases in which the rows differ in being right.
    """
    discordant = max(discordant, difference)
    chance, power = ndtri(1 - ALPHA / 2), ndtri(POWER)
    return (chance * np.sqrt(discordant) + power * np.sqrt(discordant - difference**2)) ** 2 / difference**2


def least_difference(cases: float, discordant: float = DISCORDANT) -> float:
    """The least difference that so many cases show."""
    if cases_needed(1.0) >= cases:
        return 1.0
    return float(brentq(lambda difference: cases_needed(difference, discordant) - cases, 1e-4, 1.0))


def design_effect(sizes: np.ndarray) -> float:
    """How many times as many cases it takes because those of a group, of these sizes, are alike (Kish, 1965)."""
    return 1 + ((sizes**2).sum() / sizes.sum() - 1) * ALIKE
