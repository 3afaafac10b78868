"""Gains of a table, each by itself, with intervals and p that hold for all of them at once."""

from collections.abc import Sequence

import numpy as np

from lungfuse.compare.verdicts import Scored
from lungfuse.statistics.gains import MIN_GROUPS, Gain, smallest_gains


def shown_as_family(
    gains: Sequence[Gain],
    scored: Scored,
    confidence: float,
    seed: int,
    groups: Sequence[float] | None = None,
    named_as: str = "value",
) -> list[dict[str, float]]:
    """What gains show, judged together (max-T): the value by its name, its limits, and p.

    `groups` are the effective groups that each gain rests on, those of the study where it is not given. One of too few
    has no interval and is not of the family, whose degrees of freedom are those of its fewest groups.
    """
    on = [scored.effective_groups] * len(gains) if groups is None else groups
    shown = [n for n, count in enumerate(on) if count >= MIN_GROUPS]
    low, high = f"{named_as}_low", f"{named_as}_high"
    found = [{named_as: each.value} | dict.fromkeys([low, high, "p", "p_corrected"], np.nan) for each in gains]
    if not shown:
        return found
    degrees = min(on[n] for n in shown) - 1
    for n, each in zip(shown, smallest_gains([[gains[n]] for n in shown], degrees, confidence, seed), strict=True):
        found[n] |= {low: each.low, high: each.high, "p": each.p, "p_corrected": each.p_corrected}
    return found
