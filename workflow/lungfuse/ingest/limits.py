"""What ends a study before its folds are made: too much that cannot be used, too few groups of a class."""

from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.funnel import counts_by_class
from lungfuse.ingest.labels import class_names
from lungfuse.tasks import Task
from lungfuse.tasks.binary import Task as TwoClasses

READABLE = {
    "with a readable image": "pairs have no readable image",
    "readable images": "images of the view cannot be read",
}
BINARY = TwoClasses(["negative", "positive"])


def check_rejected(steps: pd.Series, rejected: pd.DataFrame, allowed: float, source: Path) -> None:
    """Raise UserError when the share of unusable reports, of images without a view, or of pairs without a readable
    image is above `allowed`."""
    for what, (lost, total) in losses_of(steps, rejected).items():
        if lost > allowed * total:
            raise UserError(
                f"{source}: {lost:,} of {total:,} {what} ({lost / total:.1%}, allowed {allowed:.1%}). "
                "Fix the raw files; the table names each and says why. To go on without them, raise rejected_share."
            )


def losses_of(steps: pd.Series, rejected: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """What is lost to input that cannot be used, in words, with how many of how many; `steps` are counts by step."""
    bad_reports = rejected["id"][rejected["what"] == "report"].nunique()
    losses = {
        "reports cannot be used": (bad_reports, int(steps["reports found"])),
        "images have no view that is known": (int(steps["images"] - steps["images with a view"]), int(steps["images"])),
    }
    for step, what in READABLE.items():
        if step in steps:
            before = int(steps.iloc[list(steps.index).index(step) - 1])
            losses[what] = (before - int(steps[step]), before)
    return losses


def check_groups(candidates: pd.DataFrame, folds: int, steps: pd.DataFrame, source: Path, task: Task = BINARY) -> None:
    """Raise UserError when a class has fewer groups than there are folds, or a label has where it is 1, or where it is
    0; says which of the `steps` has left so few."""
    task, candidates = task.in_classes(candidates)
    needed = wanted(task)
    has = [(candidates[column] == value).fillna(False).astype(bool) for column, value in needed.values()]
    groups = [candidates["group"][own].nunique() for own in has]
    if min(groups) < folds:
        least = groups.index(min(groups))
        what, (column, value) = list(needed.items())[least]
        number = value if task.columns("label") == [column] else task.columns("label").index(column)
        counted = {*class_names(task)} <= {*steps}
        left = counts_by_class(steps, task).iloc[:, number] if counted else steps.set_index("step")["count"]
        of = "With this label" if len(task.columns("label")) > 1 else "Of this class"
        raise UserError(
            f"{source}: {what} has {groups[least]} groups of pairs, fewer than split.folds, which is {folds}. "
            f"{of} each step has left: {', '.join(f'{count:,} {step}' for step, count in left.items())}. "
            "Fix the step that loses most; where the data are so few, set fewer folds."
        )


def wanted(task: Task) -> dict[str, tuple[str, int]]:
    """Label column and value of each class, or of each label where it is 1 and where it is 0, by what they are."""
    columns = task.columns("label")
    if len(columns) > 1:
        named = list(zip(task.labels, columns, strict=True))
        return {f"the label {label}, where it is {n},": (column, n) for label, column in named for n in (1, 0)}
    names = [""] * 2 if task.two_classes else [f", {label}," for label in task.labels]
    return {f"class {number}{name}": (columns[0], number) for number, name in enumerate(names)}
