"""Gains of a table, each by itself, with intervals and p that hold for all of them at once."""

from collections.abc import Sequence

import numpy as np

from lungfuse.compare.verdicts import Scored
from lungfuse.statistics.gains import MIN_GROUPS, Gain, smallest_gains

NO_INTERVAL = {f"value{limit}": float("nan") for limit in ["_low", "_high"]} | {"p": np.nan, "p_corrected": np.nan}


def shown_as_family(
    gains: Sequence[Gain], scored: Scored, confidence: float, seed: int, groups: Sequence[float] | None = None
) -> list[dict[str, float]]:
    """What gains show, judged together (max-T): value, its limits, and p.

    `groups` are the effective groups that each gain rests on, those of the study where it is not given. One of too few
    has no interval and is not of the family, whose degrees of freedom are those of its fewest groups.
    """
    on = [scored.effective_groups] * len(gains) if groups is None else groups
    told = [n for n, count in enumerate(on) if count >= MIN_GROUPS]
    found = [{"value": each.value} | NO_INTERVAL for each in gains]
    if not told:
        return found
    degrees = min(on[n] for n in told) - 1
    for n, each in zip(told, smallest_gains([[gains[n]] for n in told], degrees, confidence, seed), strict=True):
        shown = {"value_low": each.low, "value_high": each.high, "p": each.p, "p_corrected": each.p_corrected}
        found[n] |= shown
    return found
