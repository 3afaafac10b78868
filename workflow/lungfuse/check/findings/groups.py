"""Groups of cases that stay in one fold: whether they fit into the folds."""

from collections.abc import Iterator

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.words import counted, share

LARGE = 0.25  # of a fold


def findings(data: Checked) -> Iterator[Finding]:
    if data.cases.empty:
        return
    yield from _few(data)
    sizes = data.cases["group"].value_counts()
    fold = len(data.cases) / data.folds
    if sizes.iloc[0] > LARGE * fold:
        yield Finding(
            "warning" if sizes.iloc[0] > fold else "note",
            "large group",
            f"The largest group has {sizes.iloc[0]:,} of {counted(len(data.cases), 'case')} "
            f"({share(sizes.iloc[0], len(data.cases))}); a fold has about {fold:,.0f}.",
            "It stays in one fold, so folds are uneven, and a result may depend on that fold.",
            "See what joins it: a patient, the same text, a column of `group_by`, or images that look alike. "
            "Leave empty texts empty.",
        )


def _few(data: Checked) -> Iterator[Finding]:
    groups = data.cases["group"]
    for name, has in data.of_class.items():
        known = ~has if data.exclusive else (data.outcomes.values[:, data.task.labels.index(name)] == 0)
        sides = {name: groups[has].nunique()} | ({} if data.exclusive else {f"not {name}": groups[known].nunique()})
        for side, number in sides.items():
            if number < data.folds:
                yield Finding(
                    "stop",
                    side,
                    f"{side}: {counted(number, 'group')}, fewer than split.folds, which is {data.folds}.",
                    "A fold would have none of it, and no score.",
                    f"Set split.folds to {max(2, number)} or fewer, join the class to another one, or add cases.",
                )
