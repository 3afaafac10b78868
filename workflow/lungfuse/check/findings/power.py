"""How many cases it takes to detect a difference between two models, and which difference these cases can detect."""

from collections.abc import Iterator

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.statistics.power import DISCORDANT, cases_of_accuracy, design_effect, least_difference
from lungfuse.words import counted

DIFFERENCES = [0.02, 0.05]


def findings(data: Checked) -> Iterator[Finding]:
    if len(data.cases) < 2:
        return
    effect = design_effect(data.cases["group"].value_counts().to_numpy())
    needed = {difference: round(cases_of_accuracy(difference) * effect) for difference in DIFFERENCES}
    seen = least_difference(len(data.cases) / effect)
    said = " and ".join(f"{number:,} for {difference * 100:.0f} points" for difference, number in needed.items())
    grouped = f", {counted(len(data.cases), 'case')} in {data.cases['group'].nunique():,} groups count as "
    grouped += f"{len(data.cases) / effect:,.0f}"
    yield Finding(
        "warning" if seen > 0.1 else "note",
        "difference",
        f"To detect a difference in accuracy between two models takes {said}; the smallest that these "
        f"{counted(len(data.cases), 'case')} show is {seen * 100:.1f} points. For a single paired test (McNemar), "
        f"5 %, power 80 %, models that disagree on {DISCORDANT:.0%} of the cases{grouped if effect > 1.005 else ''}.",
        "Smaller differences are missed: no difference shown does not mean that models are equal. The verdict counts "
        "anew: for AUROC, from the errors that its models make.",
        "Read the intervals. Compare few models, as p is corrected for all of them; add patients rather than images.",
    )
