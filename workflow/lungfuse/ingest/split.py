"""Candidate pairs to the pairs of the study, with the folds that test them, and those they are validated in."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.errors import UserError
from lungfuse.ingest.gate import check_findings, unmatched
from lungfuse.ingest.kept_split import kept_split
from lungfuse.ingest.limits import BINARY, check_groups, check_rejected
from lungfuse.ingest.own_split import OwnSplit, own_split
from lungfuse.ingest.parts import Split, seed_of_repeat
from lungfuse.ingest.site_folds import site_folds
from lungfuse.ingest.split_log import fold_sizes, warnings_of, warnings_of_given, warnings_of_repeats
from lungfuse.parameters import Question, options
from lungfuse.settings.ingest import SplitSettings
from lungfuse.statistics.splits import parts_of
from lungfuse.tables.base import columns, read_table, write_table
from lungfuse.tables.check import Findings
from lungfuse.tables.ingest import (
    SECTIONS,
    Candidates,
    Columns,
    Folds,
    Funnel,
    Pairs,
    Rejected,
    Structured,
    Validation,
    Values,
    sections_of,
)
from lungfuse.tasks import Task, load_task


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
    findings
        Table of what the data check has found.
    kept_folds
        Table of the folds from before cases were added, where some were.
    kept_validation
        The same of the pairs to validate on.
    """

    candidates: Path
    funnel: Path
    rejected: Path
    values: Path
    value_columns: Path
    findings: Path
    kept_folds: Path | None = None
    kept_validation: Path | None = None


@options
class Allowed:
    """What does not stop the study.

    Parameters
    ----------
    rejected_share
        Largest share of the reports, and of the pairs' images, that may be unusable.
    allow
        Findings of the data check that do not stop the study.
    """

    rejected_share: float
    allow: list[str]


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    pairs
        Output: the pairs with their folds in the first repeat.
    fold_table
        Output: the folds of the pairs in every repeat.
    validation
        Output: the pairs of the other folds that each fold's models are validated on.
    structured
        Output: the structured values of each pair; needed when structured is a modality.
    structured_columns
        Output: the kinds and units of these.
    """

    pairs: Path
    fold_table: Path
    validation: Path
    structured: Path | None = None
    structured_columns: Path | None = None


def main(
    *,
    question: Question,
    split: SplitSettings,
    seed: int,
    allowed: Allowed,
    files: Files,
    modalities: list[str],
    label_columns: list[str] | None = None,
    outputs: Outputs,
) -> None:
    """Draw folds that keep groups whole, unless too much of the input was rejected or the data check stops the study.

    Parameters
    ----------
    question
        What the study asks of a pair.
    split
        Number of folds, whether they are sites, the share of the training folds to validate on, and how often both are
        drawn.
    seed
        Seed of the shuffle.
    allowed
        What does not stop the study.
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
    check_rejected(counts, rejected, allowed.rejected_share, files.rejected)
    table = read_table(files.candidates, Candidates)
    check_groups(table, split.folds, steps, files.funnel, asked)
    checked = read_table(files.findings, Findings)
    check_findings(checked, allowed.allow, files.findings)
    kept = (files.kept_folds, files.kept_validation)
    drawn = kept_split(table, kept, split, seed, asked) if all(kept) else draw(table, split, seed, asked)
    table = drawn.pairs
    write_table(table, outputs.pairs, Pairs, others=sections_of(table)[len(SECTIONS) :])
    write_table(drawn.folds, outputs.fold_table, Folds)
    write_table(drawn.validation, outputs.validation, Validation)
    if "structured" in modalities:
        kept = read_table(files.value_columns, Columns)
        kept = kept[~kept["name"].isin(label_columns or [])]
        values = structured_values(table, read_table(files.values, Values), kept)
        write_table(values, outputs.structured, Structured, kept["name"])
        write_table(kept, outputs.structured_columns, Columns)
    unused = [f"check.allow: nothing was found of {entry!r}" for entry in unmatched(checked, allowed.allow)]
    odd = warnings_of(table, split.folds) if split.by == "group" and not split.own else []
    odd += warnings_of_given(table) if split.own else []
    for warning in [*unused, *odd, *warnings_of_repeats(drawn, split, asked)]:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(fold_sizes(table, asked)))


def structured_values(pairs: pd.DataFrame, values: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """The table `Structured` of pairs, with the columns that the table `Columns` names; numbers as floats."""
    found = values.set_index("report_id")[list(kept["name"])].reindex(pairs["report_id"], fill_value="")
    for name in kept["name"][kept["kind"] == "number"]:
        found[name] = pd.to_numeric(found[name].mask(found[name] == "")).astype(float)
    return found.assign(pair_id=pairs["pair_id"].to_numpy()).reset_index(drop=True)


def draw(candidates: pd.DataFrame, split: SplitSettings, seed: int, task: Task = BINARY) -> Split:
    """The folds and validation pairs of all repeats; the pairs have the folds of repeat 0.

    Raises:
        UserError: the pairs cannot be split so.
    """
    at_sites = site_folds(candidates, split.folds, task) if split.by == "site" else None
    given = own_split(candidates, split) if split.own else None
    at_sites = given.fold if given else at_sites
    folds, validated = [], []
    for repeat in range(split.repeats):
        own = seed_of_repeat(seed, repeat)
        fold = assign_folds(candidates, split.folds, own, task) if at_sites is None else at_sites
        pairs = candidates.assign(fold=fold, repeat=repeat)
        folds.append(pairs[columns(Folds)])
        try:
            found = (
                assign_validation(pairs, split, own, task)
                if given is None or given.validated is None
                else _given(pairs, given)
            )
        except UserError as error:
            more = f" These are the folds of repeat {repeat}: or set split.repeats to {repeat}." if repeat else ""
            raise UserError(f"{error}{more}") from error
        validated.append(found[columns(Validation)])
    return Split(candidates.assign(fold=folds[0]["fold"]), pd.concat(folds), pd.concat(validated))


def _given(pairs: pd.DataFrame, given: OwnSplit) -> pd.DataFrame:
    """The pairs that a given split validates on, of its one fold."""
    return pairs[given.validated.to_numpy()].assign(fold=0)


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
        most = int(task.strata(task.targets(others)).sum(axis=0).max())  # scikit-learn makes no more parts than that
        count = min(round(1 / split.validation), most)
        parts = [others.iloc[part] for part in _parts(others, count, seed + fold, task)]
        validated = max(parts, key=lambda part: _complete(part, others, task))
        learned = others[~others["pair_id"].isin(validated["pair_id"])]
        for part, purpose in [(validated, "validate on"), (learned, "learn from")]:
            if not any(part[column].nunique() > 1 for column in task.columns("label")):
                raise UserError(
                    f"split.validation: found {split.validation:g}, but in fold {fold} the {len(part)} pairs to "
                    f"{purpose} are of one class; expected some of each. Set another share, fewer folds, or add pairs."
                )
        found.append(validated.assign(fold=fold))
    return pd.concat(found)


def _complete(validated: pd.DataFrame, others: pd.DataFrame, task: Task) -> int:
    """How many labels are both 0 and 1 among the pairs to validate on, and among the rest."""
    columns, learned = task.columns("label"), others.drop(index=validated.index)
    return int(((validated[columns].nunique() > 1) & (learned[columns].nunique() > 1)).sum())


def _parts(pairs: pd.DataFrame, count: int, seed: int, task: Task) -> list[np.ndarray]:
    return parts_of(task.strata(task.targets(pairs)), pairs["site"], pairs["group"], count, seed)
