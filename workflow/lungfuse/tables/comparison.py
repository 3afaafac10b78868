"""The tables that say how good the rows are."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.tables.base import Table, with_limits_of


class Comparison(Table):
    """One row a model on the same pairs. `images`, `text` and `structured` name its inputs or are empty.

    Where there are not two classes, metrics are means over the classes, each against the rest, or over the labels where
    they are known; but accuracy is the share of pairs whose class is right, and balanced accuracy its mean over the
    classes. Of grades there are quadratic kappa and the mean absolute error, `mae`, too, and AUROC is the mean over the
    questions "this grade or more". Of numbers there are concordance within folds, R2, and errors in their unit, and
    nothing of classes. The AUROC, by which models are compared with each other, is that within folds,
    weighed by pairs.

    `repeats` is how often it was trained, each time with new folds. It is compared with every model that reads a true
    subset of its inputs: `reference` is the one over which it gains least, `p_vs_best_unimodal` the largest p of all
    these tests of AUROC, and `p_corrected` that for all models of the table (max-T). `accuracy_own_text` is the
    accuracy on the `n_own_text` pairs whose own text, of the section that the row reads, is in no other fold, of which
    `positives_own_text` are of class 1; empty for rows that read no text of the pair. `structured` are names of columns
    joined by spaces, `row` is the name of the row in params.yaml.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    encoders: Series[str]
    n: Series[int]
    accuracy: Series[float] | None = with_limits_of("accuracy")
    auroc: Series[float] | None = with_limits_of("auroc")
    sensitivity: Series[float] | None = with_limits_of("sensitivity")
    specificity: Series[float] | None = with_limits_of("specificity")
    n_own_text: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    positives_own_text: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    accuracy_own_text: Series[float] = pa.Field(nullable=True)
    p_vs_best_unimodal: Series[float] = pa.Field(nullable=True)
    seconds_per_epoch: Series[float] = pa.Field(nullable=True)
    published_accuracy: Series[float] = pa.Field(nullable=True)
    reference: Series[str]
    p_corrected: Series[float] = pa.Field(nullable=True)
    repeats: Series[int]
    balanced_accuracy: Series[float] | None = with_limits_of("balanced_accuracy")
    auprc: Series[float] | None = with_limits_of("auprc")
    concordance: Series[float] | None = with_limits_of("concordance")
    r2: Series[float] | None = with_limits_of("r2")
    rmse: Series[float] | None = with_limits_of("rmse")
    quadratic_kappa: Series[float] | None = with_limits_of("quadratic_kappa")
    mae: Series[float] | None = with_limits_of("mae")
    structured: Series[str]
    row: Series[str]


class PerLabel(Table):
    """One row a model and label, or a class against the rest: its scores on the `n` pairs where the label is known.

    Of them `positives` have it. A score that is not defined, as where no pair has the label, is empty.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    row: Series[str]
    label: Series[str]
    n: Series[int]
    positives: Series[int]
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)
    auprc: Series[float] = pa.Field(nullable=True)
    auprc_low: Series[float] = pa.Field(nullable=True)
    auprc_high: Series[float] = pa.Field(nullable=True)
    sensitivity: Series[float] = pa.Field(nullable=True)
    sensitivity_low: Series[float] = pa.Field(nullable=True)
    sensitivity_high: Series[float] = pa.Field(nullable=True)
    specificity: Series[float] = pa.Field(nullable=True)
    specificity_low: Series[float] = pa.Field(nullable=True)
    specificity_high: Series[float] = pa.Field(nullable=True)


class Sites(Table):
    """One row a model and site: where its errors come from.

    `false_positives` and `false_negatives` are pairs; of a row trained several times, their mean. They and
    `positives` are empty where there are not two classes, as is a score that is not defined, as where a site has one.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    site: Series[str]
    n: Series[int]
    positives: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    accuracy: Series[float] | None = with_limits_of("accuracy")
    auroc: Series[float] | None = with_limits_of("auroc")
    concordance: Series[float] | None = with_limits_of("concordance")
    r2: Series[float] | None = with_limits_of("r2")
    false_positives: Series[float] = pa.Field(nullable=True)
    false_negatives: Series[float] = pa.Field(nullable=True)
    structured: Series[str]
    row: Series[str]


class Verdict(Table):
    """One row a set of inputs that models fuse: what the fusion gains over the best of its parts.

    `fusion` is, fold by fold, the model of these inputs that is best on the validation pairs of the fold: the names,
    with the share of the folds where they are not all the same. It is compared with each of the `parts` models that use
    a true subset of the inputs; `part` is the one with the smallest `gain`, in [-1, 1] of `metric` within folds. The
    interval, which holds for all rows of the table at once, and `p_corrected` are by max-T over `tests` fusions; p's
    are at least 1 / 100,001. `word` says what the interval shows beside `margin`; `p_margin` is the probability that
    the gain is above it. `effective_groups` are groups of equal size that say as much; below 20 there is no interval.
    `not_above_majority` names parts that are not shown to be above the majority. `cases_for_two_points`, in so many
    `groups_for_two_points`, is how many cases such as these show a difference of two points, as corrected, with a power
    of 80 %; empty where a class has too few cases to say, or where no number does with as many trainings. The gain
    over `part` is the sum of `switching`, what taking the best part for each label gains, empty of one label, and
    `interaction`; `rethresholding` is what the part gains in accuracy by deciding by its calibrated probability.
    `known` says when the inputs are; with one that is written with the report the row is a `leak_check`.
    """

    inputs: Series[str]
    known: Series[str]
    leak_check: Series[bool]
    word: Series[str] = pa.Field(isin=["better", "worse", "equivalent", "inconclusive"])
    metric: Series[str]
    gain: Series[float]
    gain_low: Series[float] = pa.Field(nullable=True)
    gain_high: Series[float] = pa.Field(nullable=True)
    margin: Series[float] = pa.Field(gt=0)
    p_margin: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)
    tests: Series[int]
    n: Series[int]
    groups: Series[int]
    effective_groups: Series[float]
    trainings: Series[int]
    part: Series[str]
    part_value: Series[float]
    fusion: Series[str]
    fusion_value: Series[float]
    parts: Series[int]
    not_above_majority: Series[str]
    cases_for_two_points: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    groups_for_two_points: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    switching: Series[float] = pa.Field(nullable=True)
    interaction: Series[float]
    rethresholding: Series[float] = pa.Field(nullable=True)


class Ablations(Table):
    """One row a model and a change to what it reads: other images, one input shuffled, dropped, alone or left out.

    `value` is the primary `metric` of the model as it is, within folds; `difference` what is gained by the change, in
    [-1, 1], which makes it the row `changed`; its interval holds for all rows of the table at once. `lost` pairs are
    right only without the change, `gained` ones only with it; of rows trained several times that is their mean, of
    several labels a pair the share of those that are known. `p` is that of no difference, `p_corrected` is for all p of
    the table (max-T). `pairs` are all of the study, or those of patients that no segmenter has learned from.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    change: Series[str]
    changed: Series[str]
    pairs: Series[str] = pa.Field(isin=["all", "held-out"])
    n: Series[int]
    metric: Series[str]
    value: Series[float]
    value_changed: Series[float]
    difference: Series[float]
    difference_low: Series[float] = pa.Field(nullable=True)
    difference_high: Series[float] = pa.Field(nullable=True)
    lost: Series[float] = pa.Field(nullable=True)
    gained: Series[float] = pa.Field(nullable=True)
    p: Series[float] = pa.Field(nullable=True)
    p_corrected: Series[float] = pa.Field(nullable=True)
    structured: Series[str]
    row: Series[str]


def limits(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """A measure of a table with its limits, as columns value, low and high."""
    return table[[measure, f"{measure}_low", f"{measure}_high"]].set_axis(["value", "low", "high"], axis=1)


def with_limits(values: pd.DataFrame, digits: int = 3, sign: str = "") -> list[str]:
    """What `limits` gives in words; `sign` is + where values are differences, and what is not defined is left out."""
    number = f"{{:{sign}.{digits}f}}"
    interval = f" ({number}{' to ' if sign else '-'}{number})"

    def words(value: float, low: float, high: float) -> str:
        known = "" if pd.isna(value) else number.format(value)
        return known if pd.isna([low, high]).any() else known + interval.format(low, high)

    return [words(*row) for row in values.itertuples(index=False)]


class Provenance(Table):
    """What the tables of a study were made from. `what` is command, commit, version, machine, raw file, raw folder,
    differs (from the publisher's edition) or table; files have their `sha256`."""

    what: Series[str]
    name: Series[str]
    value: Series[str]
    sha256: Series[str]
