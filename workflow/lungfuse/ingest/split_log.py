"""What the log says of a split: sizes of folds, and what is odd about them."""

import pandas as pd

from lungfuse.ingest.groups import normalise
from lungfuse.ingest.labels import class_counts
from lungfuse.ingest.own_split import crossing
from lungfuse.ingest.parts import UNTESTED, Split, fold_indices
from lungfuse.settings.ingest import SplitSettings
from lungfuse.tasks import Task

LARGE_GROUP = 0.25  # of a fold
UNEVEN = 1.25  # the largest fold in units of the smallest


def fold_sizes(pairs: pd.DataFrame, task: Task) -> list[str]:
    """How many pairs each fold has, and of which classes or with which labels, in words."""
    said = []
    for fold, part in pairs.groupby("fold"):
        counts = {name: count for name, count in class_counts(part, task).items() if name != "negative"}
        name = "learned from alone" if fold == UNTESTED else f"fold {fold}"
        said.append(", ".join([f"{name}: {len(part)} pairs", *(f"{counts[name]} {name}" for name in counts)]))
    return said


def missing_of_validation(pairs: pd.DataFrame, validation: pd.DataFrame, task: Task) -> list[str]:
    """Which label columns are all the same among the pairs to validate on or to learn from, in words."""
    columns, found = task.columns("label"), {}
    for fold in sorted(set(validation["fold"])):
        train_indices, val_indices, _ = fold_indices(pairs, validation, fold)
        for part, purpose in [(val_indices, "validate on"), (train_indices, "learn from")]:
            for label in pairs[columns].columns[pairs[columns].iloc[part].nunique() < 2]:
                found.setdefault((label, purpose), []).append(str(fold))
    return [
        f"of the pairs to {purpose} in fold {', '.join(folds)} none is 1 in {label}, or none is 0: its scores there "
        "say nothing"
        for (label, purpose), folds in found.items()
    ]


def warnings_of(pairs: pd.DataFrame, folds: int) -> list[str]:
    """What is odd about groups and folds: a group that is large for a fold, with the text that joins it, and folds of
    uneven size."""
    found = []
    sizes, fold_sizes = pairs["group"].value_counts(), pairs["fold"].value_counts()
    for group, size in sizes[sizes > LARGE_GROUP * len(pairs) / folds].items():
        reports = pairs[pairs["group"] == group].drop_duplicates("report_id")
        said = reports["text"].groupby(normalise(reports["text"])).agg(["size", "first"]).sort_values("size").iloc[-1]
        found.append(
            f"{size:,} of {len(pairs):,} pairs are one group, which shares patients, texts or images and stays in "
            f"one fold; {said['size']:,} of its {len(reports):,} reports say {said['first'][:80]!r}. If such a text "
            "stands for none, leave it empty in the dataset module"
        )
    if fold_sizes.max() > UNEVEN * fold_sizes.min():
        found.append(f"the folds hold {fold_sizes.min():,} to {fold_sizes.max():,} pairs, since groups stay whole")
    return found


def warnings_of_given(pairs: pd.DataFrame) -> list[str]:
    """What is odd about a split that is given: groups on both sides."""
    crosses = crossing(pairs["group"], pairs["fold"])
    if not crosses.any():
        return []
    return [
        f"{int(crosses.sum()):,} of {len(pairs):,} pairs are of {pairs['group'][crosses].nunique():,} groups that "
        "are in "
        "training and test: scores are too good for new patients; lungfuse audit --split measures by how much"
    ]


def warnings_of_repeats(drawn: Split, split: SplitSettings, task: Task) -> list[str]:
    """Labels that cannot be validated, repeat by repeat, and repeats whose folds are those of another one."""
    found, seen = [], {}
    for repeat in range(split.repeats):
        pairs, validation = drawn.of_repeat(repeat)
        of = f"repeat {repeat}: " if repeat else ""
        found += [f"{of}{text}" for text in missing_of_validation(pairs, validation, task)]
        first = seen.setdefault(pd.factorize(pairs["fold"])[0].tobytes(), repeat)
        if first != repeat and split.by == "group" and not split.own:
            found.append(
                f"repeat {repeat} has the folds of repeat {first}, since so few groups can be divided in few ways: "
                "trainings differ less than new folds would make them"
            )
    return found
