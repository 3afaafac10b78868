"""Candidate pairs to the pairs of the study, each with the fold that tests it and the folds it is validated in."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.groups import normalise
from lungfuse.ingest.labels import class_counts, class_names
from lungfuse.ingest.spread import parts_of
from lungfuse.parameters import Question, Several, options
from lungfuse.settings.ingest import SplitSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import (
    SECTIONS,
    Candidates,
    Columns,
    Funnel,
    Pairs,
    Rejected,
    Structured,
    Validation,
    Values,
    sections_of,
)
from lungfuse.tasks import Task, load_task
from lungfuse.tasks.binary import Task as TwoClasses

LARGE_GROUP = 0.25  # of a fold
UNEVEN = 1.25  # the largest fold in units of the smallest
READABLE = {
    "with a readable image": "pairs have no readable image",
    "readable images": "images of the view cannot be read",
}
BINARY = TwoClasses(["negative", "positive"])


@options
class Files:
    """What is read.

    Parameters
    ----------
    candidates
        Table of candidate pairs.
    funnel
        Table of what was left after each filter.
    rejected
        Table of what was rejected; named when there is too much of it.
    values
        Table of the structured values of reports.
    value_columns
        Table of the structured columns of reports.
    """

    candidates: Path
    funnel: Path
    rejected: Path
    values: Path
    value_columns: Path


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    pairs
        Output: the pairs with their folds.
    validation
        Output: the pairs of the other folds that each fold's models are validated on.
    structured
        Output: the structured values of each pair; needed when structured is a modality.
    structured_columns
        Output: the kinds and units of these.
    """

    pairs: Path
    validation: Path
    structured: Path | None = None
    structured_columns: Path | None = None


def main(
    *,
    question: Question,
    split: SplitSettings,
    seed: int,
    rejected_share: float,
    files: Files,
    modalities: Several[str],
    label_columns: Several[str] | None = None,
    outputs: Outputs,
) -> None:
    """Assign stratified, grouped folds, unless too much of the input was rejected.

    Parameters
    ----------
    question
        What the study asks of a pair.
    split
        Number of folds, and the share of the training folds to validate on.
    seed
        Seed of the shuffle.
    rejected_share
        Largest share of the reports, and of the pairs' images, that may be unusable.
    files
        What is read.
    modalities
        What models may read of a pair.
    label_columns
        Structured columns that labels are read from: no model may read them.
    outputs
        What is written.
    """
    asked = load_task(question.task, question.labels)
    steps = read_table(files.funnel, Funnel)
    counts, rejected = steps.set_index("step")["count"], read_table(files.rejected, Rejected)
    check_rejected(counts, rejected, rejected_share, files.rejected)
    table = read_table(files.candidates, Candidates)
    check_groups(table, split.folds, steps, files.funnel, asked)
    table["fold"] = assign_folds(table, split.folds, seed, asked)
    validated = assign_validation(table, split, seed, asked)
    write_table(table, outputs.pairs, Pairs, others=sections_of(table)[len(SECTIONS) :])
    write_table(validated, outputs.validation, Validation)
    if "structured" in modalities:
        kept = read_table(files.value_columns, Columns)
        kept = kept[~kept["name"].isin(label_columns or [])]
        values = structured_values(table, read_table(files.values, Values), kept)
        write_table(values, outputs.structured, Structured, kept["name"])
        write_table(kept, outputs.structured_columns, Columns)
    for warning in [*warnings_of(table, split.folds), *missing_of_validation(table, validated, asked)]:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(fold_sizes(table, asked)))


def structured_values(pairs: pd.DataFrame, values: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """The table `Structured` of pairs, with the columns that the table `Columns` names; numbers as floats."""
    found = values.set_index("report_id")[list(kept["name"])].reindex(pairs["report_id"], fill_value="")
    for name in kept["name"][kept["kind"] == "number"]:
        found[name] = pd.to_numeric(found[name].mask(found[name] == "")).astype(float)
    return found.assign(pair_id=pairs["pair_id"].to_numpy()).reset_index(drop=True)


def fold_sizes(pairs: pd.DataFrame, task: Task) -> list[str]:
    """How many pairs each fold has, and of which classes or with which labels, in words."""
    said = []
    for fold, part in pairs.groupby("fold"):
        counts = {name: count for name, count in class_counts(part, task).items() if name != "negative"}
        said.append(", ".join([f"fold {fold}: {len(part)} pairs", *(f"{counts[name]} {name}" for name in counts)]))
    return said


def check_rejected(steps: pd.Series, rejected: pd.DataFrame, allowed: float, source: Path) -> None:
    """Raise UserError when the share of unusable reports, of images without a view, or of pairs without a readable
    image is above `allowed`."""
    bad_reports = rejected["id"][rejected["what"] == "report"].nunique()
    losses = {
        "reports cannot be used": (bad_reports, int(steps["reports found"])),
        "images have no view that is known": (int(steps["images"] - steps["images with a view"]), int(steps["images"])),
    }
    for step, what in READABLE.items():
        if step in steps:
            before = int(steps.iloc[list(steps.index).index(step) - 1])
            losses[what] = (before - int(steps[step]), before)
    for what, (lost, total) in losses.items():
        if lost > allowed * total:
            raise UserError(
                f"{source}: {lost:,} of {total:,} {what} ({lost / total:.1%}, allowed {allowed:.1%}). "
                "Mend the raw files; the table names each and says why. To go on without them, raise rejected_share."
            )


def check_groups(candidates: pd.DataFrame, folds: int, steps: pd.DataFrame, source: Path, task: Task = BINARY) -> None:
    """Raise UserError when a class has fewer groups than there are folds, or a label has where it is 1, or where it is
    0; says which of the `steps` has left so few."""
    wanted = _wanted(task)
    has = [(candidates[column] == value).fillna(False).astype(bool) for column, value in wanted.values()]
    groups = [candidates["group"][own].nunique() for own in has]
    if min(groups) < folds:
        least = groups.index(min(groups))
        what, (column, value) = list(wanted.items())[least]
        number = value if task.columns("label") == [column] else task.columns("label").index(column)
        left = steps.set_index("step")[class_names(task)[number]].replace("", pd.NA).dropna().astype(int)
        of = "With this label" if len(task.columns("label")) > 1 else "Of this class"
        raise UserError(
            f"{source}: {what} has {groups[least]} groups of pairs, fewer than split.folds, which is {folds}. "
            f"{of} each step has left: {', '.join(f'{count:,} {step}' for step, count in left.items())}. "
            "Mend the step that loses most; where the data are so few, set fewer folds."
        )


def _wanted(task: Task) -> dict[str, tuple[str, int]]:
    """Label column and value of each class, or of each label where it is 1 and where it is 0, by what they are."""
    columns = task.columns("label")
    if len(columns) > 1:
        named = list(zip(task.labels, columns, strict=True))
        return {f"the label {label}, where it is {n},": (column, n) for label, column in named for n in (1, 0)}
    names = [""] * 2 if task.two_classes else [f", {label}," for label in task.labels]
    return {f"class {number}{name}": (columns[0], number) for number, name in enumerate(names)}


def assign_folds(candidates: pd.DataFrame, folds: int, seed: int, task: Task = BINARY) -> pd.Series:
    """The test fold of each row, 0 to folds - 1: stratified by label and site, no group in two folds."""
    fold = pd.Series(0, index=candidates.index)
    for number, test in enumerate(_parts(candidates, folds, seed, task)):
        fold.iloc[test] = number
    return fold


def assign_validation(pairs: pd.DataFrame, split: SplitSettings, seed: int, task: Task = BINARY) -> pd.DataFrame:
    """The table `Validation`: of the pairs that are not of a fold about a share, stratified as folds are, no group cut.

    Raises:
        UserError: in a fold, the pairs to validate on or those to learn from are of one class, or no label of them is
            both 0 and 1.
    """
    found = []
    for fold in range(split.folds):
        others = pairs[pairs["fold"] != fold]
        parts = [others.iloc[part] for part in _parts(others, round(1 / split.validation), seed + fold, task)]
        several = len(task.columns("label")) > 1
        validated = max(parts, key=lambda part: _complete(part, others, task)) if several else parts[0]
        learned = others[~others["pair_id"].isin(validated["pair_id"])]
        for part, purpose in [(validated, "validate on"), (learned, "learn from")]:
            if not any(part[column].nunique() > 1 for column in task.columns("label")):
                raise UserError(
                    f"split.validation: found {split.validation:g}, but in fold {fold} the {len(part)} pairs to "
                    f"{purpose} are of one class; expected some of each. Set another share, fewer folds, or add pairs."
                )
        found.append(validated.assign(fold=fold))
    return pd.concat(found)


def missing_of_validation(pairs: pd.DataFrame, validation: pd.DataFrame, task: Task) -> list[str]:
    """Which label columns are all the same among the pairs to validate on or to learn from, in words."""
    columns, found = task.columns("label"), {}
    for fold in sorted(set(validation["fold"])):
        learn, validate, _ = positions(pairs, validation, fold)
        for part, purpose in [(validate, "validate on"), (learn, "learn from")]:
            for label in pairs[columns].columns[pairs[columns].iloc[part].nunique() < 2]:
                found.setdefault((label, purpose), []).append(str(fold))
    return [
        f"of the pairs to {purpose} in fold {', '.join(folds)} none is 1 in {label}, or none is 0: its scores there "
        "say nothing"
        for (label, purpose), folds in found.items()
    ]


def _complete(validated: pd.DataFrame, others: pd.DataFrame, task: Task) -> int:
    """How many labels are both 0 and 1 among the pairs to validate on, and among the rest."""
    columns, learned = task.columns("label"), others.drop(index=validated.index)
    return int(((validated[columns].nunique() > 1) & (learned[columns].nunique() > 1)).sum())


def _parts(pairs: pd.DataFrame, count: int, seed: int, task: Task) -> list[np.ndarray]:
    return parts_of(task.strata(task.targets(pairs)), pairs["site"], pairs["group"], count, seed)


def positions(pairs: pd.DataFrame, validation: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `pairs` to learn from, to validate on and to test in a fold, from the table `Validation`."""
    test = (pairs["fold"] == fold).to_numpy()
    validated = pairs["pair_id"].isin(validation.loc[validation["fold"] == fold, "pair_id"]).to_numpy()
    return tuple(map(np.flatnonzero, [~test & ~validated, validated, test]))


def warnings_of(pairs: pd.DataFrame, folds: int) -> list[str]:
    """What is odd about groups and folds: a group that is large for a fold, with the text that joins it, and folds of
    uneven size."""
    found = []
    sizes, fold_sizes = pairs["group"].value_counts(), pairs["fold"].value_counts()
    for group, size in sizes[sizes > LARGE_GROUP * len(pairs) / folds].items():
        reports = pairs[pairs["group"] == group].drop_duplicates("report_id")
        said = reports["text"].groupby(normalise(reports["text"])).agg(["size", "first"]).sort_values("size").iloc[-1]
        found.append(
            f"{size:,} of {len(pairs):,} pairs are one group, which shares patients or texts and stays in one fold; "
            f"{said['size']:,} of its {len(reports):,} reports say {said['first'][:80]!r}. If such a text stands for "
            "none, leave it empty in the adapter"
        )
    if fold_sizes.max() > UNEVEN * fold_sizes.min():
        found.append(f"the folds hold {fold_sizes.min():,} to {fold_sizes.max():,} pairs, since groups stay whole")
    return found
