"""What the measures of explanations say of a model and a method, with intervals that know of groups and trainings."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from lungfuse import registry
from lungfuse.relevance.given import Given, Measured
from lungfuse.statistics.gains import MIN_GROUPS, effective_groups
from lungfuse.statistics.grouped import Grouped, interval, means

MEASURES = "lungfuse.relevance.measures"
KEYS = ["measure", "modality", "variant"]
DIGITS = 4


@dataclass(frozen=True)
class Measure:
    """What a measure declares, see `lungfuse.relevance.measures`."""

    name: str
    title: str
    caption: str
    limit: str
    margin: float
    modalities: list[str]
    needs: list[str]

    def measure(self, given: Given) -> list[Measured]:
        """A value and controls for each case; of nothing where it is not given what it needs."""
        met = all(given.has(need) for need in self.needs)
        return registry.load(MEASURES, self.name).measure(given) if met else []


def measure_names() -> tuple[str, ...]:
    """All measures, sorted."""
    return registry.names(MEASURES)


@cache
def measure(name: str) -> Measure:
    """A measure by its name.

    Raises:
        UserError: there is none of this name.
    """
    declared = registry.declared(MEASURES, name)
    keys = ["TITLE", "CAPTION", "LIMIT", "MARGIN", "MODALITIES", "NEEDS"]
    return Measure(name, *(declared[key] for key in keys))


def of_cases(given: Given, names: Iterable[str] | None = None, training: int = 0) -> pd.DataFrame:
    """One row a case, control and value of some measures, or all, of one batch by the networks of one training.

    The columns are measure, modality, variant, case, group, training, value, against (the name of the control) and
    control. Frames of several batches are put together, one after the other.
    """
    found = []
    for name in measure_names() if names is None else names:
        for each in measure(name).measure(given):
            of_measure = dict(zip(KEYS, [name, each.modality, each.variant], strict=True))
            of_case = {"case": given.numbers, "group": given.groups, "value": each.value.cpu().numpy()}
            found += [
                pd.DataFrame(of_measure | of_case | {"against": against, "control": control.cpu().numpy()})
                for against, control in each.controls.items()
            ]
    columns = [*KEYS, "case", "group", "value", "against", "control"]
    return (pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)).assign(training=training)


def explanation_scores(
    cases: pd.DataFrame, model: str, method: str, confidence: float, resamples: int, seed: int
) -> pd.DataFrame:
    """The rows of `ExplanationScores` of one model and method, from the frames of `of_cases`."""
    rows = []
    for key, of_key in cases.groupby(KEYS, sort=False):
        named = {"model": model, "method": method} | dict(zip(KEYS, key, strict=True))
        rows.append(named | _scored(of_key, confidence, resamples, seed))
    return pd.DataFrame(rows)


def _scored(cases: pd.DataFrame, confidence: float, resamples: int, seed: int) -> dict[str, float | str]:
    """The row of one value of a measure.

    An explanation has to beat every control, so the limits are the least of those over any of them (intersection-union
    test, Berger, 1982).
    """
    index = ["training", "case", "group", "value"]
    wide = cases.dropna(subset=["value", "control"]).pivot(index=index, columns="against", values="control")
    wide = wide.dropna().reset_index()
    margin = measure(cases["measure"].iloc[0]).margin
    if wide.empty:
        return _row(np.full((3, 3), np.nan), "", margin, 0, 0)
    names, groups = list(wide.columns[len(index) :]), np.unique(wide["group"], return_inverse=True)[1]
    value, controls = wide[["value"]].to_numpy(float), wide[names].to_numpy(float)
    enough = effective_groups(groups) >= MIN_GROUPS
    grouped = Grouped(groups, wide["training"].to_numpy(), resamples if enough else 0, seed)
    sums = grouped.sums(np.hstack([value, controls, value - controls, np.ones_like(value)]))
    found = interval(grouped.values(sums, means), confidence)  # (quantity, 3)
    of_value, of_controls, differences = np.split(found, [1, 1 + len(names)])
    least = differences[:, 0].argmin()
    shown = np.stack([of_value[0], of_controls[least], differences.min(axis=0)])
    return _row(shown, names[least], margin, len(wide), len(np.unique(groups)))


def _row(limits: np.ndarray, against: str, margin: float, n: int, groups: int) -> dict[str, float | str]:
    """`limits` of the value, the control and the difference, (3, 3): each with its lower and its upper limit."""
    (value, low, high), (control, *_), difference = limits.round(DIGITS).tolist()
    return {
        "value": value,
        "low": low,
        "high": high,
        "against": against,
        "control": control,
        **dict(zip(["difference", "difference_low", "difference_high"], difference, strict=True)),
        "margin": margin,
        "passes": word(*difference[1:], margin),
        "n": n,
        "groups": groups,
    }


def word(low: float, high: float, margin: float) -> str:
    """Whether a difference is above -margin, by the limits of its interval; without an interval, that is undecided."""
    return "passes" if low > -margin else "fails" if high <= -margin else "undecided"
