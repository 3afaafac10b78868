"""What each step of a selection has left."""

import pandas as pd

from lungfuse.ingest.labels import class_counts, class_names, described
from lungfuse.settings.base import View, each_view
from lungfuse.tables.ingest import ANY_VIEW
from lungfuse.tasks import Task
from lungfuse.words import joined


class Steps:
    """The rows of a `Funnel`."""

    def __init__(self, task: Task) -> None:
        self.rows: list[dict] = []
        self.task = task

    def add(self, step: str, left: pd.DataFrame, by_class: bool = True) -> None:
        """Count what is left after a step, by class once there are labels."""
        labelled = by_class and set(self.task.columns("label")) <= set(left)
        self.rows.append({"step": step, "count": len(left)} | (class_counts(left, self.task) if labelled else {}))

    def keep(self, pairs: pd.DataFrame, has: pd.Series, what: str, dropped: list) -> pd.DataFrame:
        """The pairs that have something, counted; the others are named in `dropped`."""
        without = pairs[~has]
        for pair, words in zip(without["pair_id"], described(without, self.task), strict=True):
            dropped.append(("pair", pair, f"has no {what}; {words}"))
        self.add(f"with {what}", pairs[has])
        return pairs[has]

    def table(self) -> pd.DataFrame:
        classes = class_names(self.task)
        return pd.DataFrame(self.rows, columns=["step", "count", *classes]).astype(dict.fromkeys(classes, "Int64"))


def counts_by_class(funnel: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The counts of classes or labels in the table `Funnel`, (step, class), of the steps that have them."""
    return funnel.set_index("step")[class_names(task)].replace("", pd.NA).dropna().astype(int)


def of_view(view: View) -> str:
    """Images of a view, or of several, in words."""
    return "images of any view" if view == ANY_VIEW else f"{joined(each_view(view)).lower()} images"
