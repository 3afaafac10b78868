"""The tables that stages hand to each other: their columns, and how they are read and written."""

import csv
from pathlib import Path
from typing import ClassVar, TypeVar

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from pandera.typing import Series

from lungfuse.errors import UserError
from lungfuse.files import where_not_utf8, whole_file

SECTIONS = ["comparison", "indication", "findings", "impression"]


class Table(pa.DataFrameModel):
    """A CSV file with a header. An empty cell is an empty string; only in a nullable column it is a missing value."""

    class Config:
        coerce = True


class Reports(Table):
    """One row a report, in the order of the collection. `major` and `automatic` are MeSH headings joined by '; '.

    Pairs of a `patient` never stand on both sides of a split. `site` is the hospital, empty when the collection does
    not say.
    """

    report_id: Series[str] = pa.Field(unique=True)
    patient: Series[str]
    site: Series[str]
    major: Series[str]
    automatic: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]


class Views(Table):
    """One row an image that a report names. `view` is the projection, empty when the collection does not say."""

    image_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    view: Series[str]


class ImageIndex(Table):
    """Where an image lies in the image array: `row` on axis 0. `width` and `height` are the source's, in pixels."""

    image_id: Series[str] = pa.Field(unique=True)
    row: Series[int] = pa.Field(ge=0, unique=True)
    width: Series[int] = pa.Field(ge=1)
    height: Series[int] = pa.Field(ge=1)


class Rejected(Table):
    """Input that could not be used. `what` is raw file, archive member, report, projection, image or pair."""

    what: Series[str]
    id: Series[str]
    reason: Series[str]


class Candidates(Table):
    """One row an image with its report that passed the study's filters. `text` is the study's own section."""

    pair_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    image_id: Series[str]
    label: Series[int] = pa.Field(isin=[0, 1])
    text: Series[str]
    group: Series[int] = pa.Field(ge=0)
    site: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]


class Pairs(Table):
    """The candidates with the fold that tests each of them."""

    pair_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    image_id: Series[str]
    label: Series[int] = pa.Field(isin=[0, 1])
    text: Series[str]
    group: Series[int] = pa.Field(ge=0)
    fold: Series[int] = pa.Field(ge=0)
    site: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]


class Validation(Table):
    """The pairs that the models of a fold are validated on: one row a fold and pair, of another fold.

    Models learn from the other pairs of the other folds.
    """

    fold: Series[int] = pa.Field(ge=0)
    pair_id: Series[str]


class AnnotatedIndex(Table):
    """Where an annotated X-ray lies on axis 0 of both arrays, and the part of the data it belongs to."""

    image_id: Series[str] = pa.Field(unique=True)
    row: Series[int] = pa.Field(ge=0, unique=True)
    patient: Series[str]
    site: Series[str]
    part: Series[str] = pa.Field(isin=["train", "validation", "test"])


class Segmentation(Table):
    """One row a segmenter, held-out source and kind of mask: thresholded, or clean as a study uses it."""

    segmenter: Series[str]
    source: Series[str]
    mask: Series[str] = pa.Field(isin=["thresholded", "clean"])
    n: Series[int]
    dice: Series[float] = pa.Field(ge=0, le=1)
    dice_low: Series[float]
    dice_high: Series[float]
    iou: Series[float] = pa.Field(ge=0, le=1)
    iou_low: Series[float]
    iou_high: Series[float]


class MaskQuality(Table):
    """One row a mask, in the order of the array of masks. `area` is a share of the image.

    `components` are those before cleaning; `asymmetry` is the difference of the sides' areas as a share of both;
    `contrast` is the standard deviation of the image, in grey levels; `suspicious` says why to look at the mask, or is
    empty.
    """

    image_id: Series[str] = pa.Field(unique=True)
    area: Series[float] = pa.Field(ge=0, le=1)
    components: Series[int] = pa.Field(ge=0)
    asymmetry: Series[float] = pa.Field(ge=0, le=1)
    contrast: Series[float] = pa.Field(ge=0)
    suspicious: Series[str]


class FeatureIndex(Table):
    """Where the tokens of a pair lie on axis 0 of tokens.npy: `tokens` of them from `start`.

    `encoded` is how many the encoder made; pooled to their mean, they are one.
    """

    pair_id: Series[str] = pa.Field(unique=True)
    start: Series[int] = pa.Field(ge=0)
    tokens: Series[int] = pa.Field(ge=1)
    encoded: Series[int] = pa.Field(ge=1)


class Predictions(Table):
    """Out-of-fold predictions, one row a pair and, for a row trained several times, a `repeat`.

    `score` is in [0, 1]; `prediction` is 1 where it is .5 or more. `probability` is the score calibrated on the
    validation pairs of the fold.
    """

    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=0)
    label: Series[int] = pa.Field(isin=[0, 1])
    score: Series[float] = pa.Field(ge=0, le=1)
    prediction: Series[int] = pa.Field(isin=[0, 1])
    probability: Series[float] = pa.Field(ge=0, le=1)
    repeat: Series[int] = pa.Field(ge=0)

    class Config(Table.Config):
        unique: ClassVar = ["pair_id", "repeat"]


class ValidationPredictions(Table):
    """Scores of the pairs that each fold's model was validated on, by fold and repeat."""

    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=0)
    label: Series[int] = pa.Field(isin=[0, 1])
    score: Series[float] = pa.Field(ge=0, le=1)
    repeat: Series[int] = pa.Field(ge=0)

    class Config(Table.Config):
        unique: ClassVar = ["pair_id", "fold", "repeat"]


class FoldPredictions(Table):
    """Scores of one training: of its test fold, and of the pairs it was validated on."""

    pair_id: Series[str] = pa.Field(unique=True)
    fold: Series[int] = pa.Field(ge=0)
    repeat: Series[int] = pa.Field(ge=0)
    label: Series[int] = pa.Field(isin=[0, 1])
    part: Series[str] = pa.Field(isin=["test", "validation"])
    score: Series[float] = pa.Field(ge=0, le=1)


class EpochPredictions(Table):
    """Out-of-fold scores of all pairs after each epoch."""

    epoch: Series[int] = pa.Field(ge=0)
    pair_id: Series[str]
    label: Series[int] = pa.Field(isin=[0, 1])
    score: Series[float] = pa.Field(ge=0, le=1)


class CNNComparison(Table):
    """One row a network and arm: out-of-fold scores after the last epoch, and the accuracies of its epochs.

    `epoch_accuracies` and `published_accuracies` are joined by spaces. `p_vs_raw` is that of equal accuracy with the
    same network on raw images.
    """

    network: Series[str]
    images: Series[str]
    weights: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)
    p_vs_raw: Series[float] = pa.Field(nullable=True)
    epoch_accuracies: Series[str]
    published_accuracies: Series[str]


class Cases(Table):
    """New cases to predict; `image` is a path. A row of one modality leaves the other empty."""

    id: Series[str] = pa.Field(unique=True)
    image: Series[str]
    text: Series[str]


class Comparison(Table):
    """One row a model on the same pairs. `images` and `text` name its inputs or are empty.

    `repeats` is how often it was trained on each fold. `reference` is the row that it is held against: of those that
    read a part of its inputs, the one with the best accuracy on validation pairs. `p_corrected` is for the family of
    all p of the table.
    `accuracy_own_text` is that on the `n_own_text` pairs whose own text, of the section that the row reads, is in no
    other fold, of which `positives_own_text` are of class 1; empty for rows that read no text of the pair.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    encoders: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)
    sensitivity: Series[float] = pa.Field(nullable=True)
    sensitivity_low: Series[float] = pa.Field(nullable=True)
    sensitivity_high: Series[float] = pa.Field(nullable=True)
    specificity: Series[float] = pa.Field(nullable=True)
    specificity_low: Series[float] = pa.Field(nullable=True)
    specificity_high: Series[float] = pa.Field(nullable=True)
    n_own_text: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    positives_own_text: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    accuracy_own_text: Series[float] = pa.Field(nullable=True)
    p_vs_best_unimodal: Series[float] = pa.Field(nullable=True)
    seconds_per_epoch: Series[float] = pa.Field(nullable=True)
    published_accuracy: Series[float] = pa.Field(nullable=True)
    reference: Series[str]
    p_corrected: Series[float] = pa.Field(nullable=True)
    repeats: Series[int]
    balanced_accuracy: Series[float]
    balanced_accuracy_low: Series[float]
    balanced_accuracy_high: Series[float]
    auprc: Series[float]
    auprc_low: Series[float]
    auprc_high: Series[float]


class Sites(Table):
    """One row a model and site: where its errors come from.

    `false_positives` and `false_negatives` are pairs; of a row trained several times, their mean. A score that is not
    defined, as where a site has one class, is empty.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    site: Series[str]
    n: Series[int]
    positives: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)
    false_positives: Series[float]
    false_negatives: Series[float]


class Ablations(Table):
    """One row a model and a change to what it reads: other images, one input shuffled, or one input alone.

    `accuracy` is that of the model as it is; `difference` the accuracy gained by the change, in [-1, 1], which makes it
    the row `changed`. `lost` pairs are right only without the change, `gained` ones only with it; of rows trained
    several times that is their mean. `p` is that of equal accuracy, `p_corrected` is for all p of the table. `pairs`
    are all of the study, or those of patients that no segmenter has learned from.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    change: Series[str]
    changed: Series[str]
    pairs: Series[str] = pa.Field(isin=["all", "held-out"])
    n: Series[int]
    accuracy: Series[float]
    accuracy_changed: Series[float]
    difference: Series[float]
    difference_low: Series[float] = pa.Field(nullable=True)
    difference_high: Series[float] = pa.Field(nullable=True)
    lost: Series[float]
    gained: Series[float]
    p: Series[float]
    p_corrected: Series[float]


class Calibration(Table):
    """One row a model: how well its scores, and the probabilities made of them, are probabilities.

    `slope` is that of a logistic regression of the labels on the log odds: below 1 they are too extreme. It is 1, and
    the Brier score least, for calibrated ones; missing for scores that are all the same.
    """

    model: Series[str]
    images: Series[str]
    text: Series[str]
    brier_score: Series[float] = pa.Field(ge=0, le=1)
    brier_probability: Series[float] = pa.Field(ge=0, le=1)
    slope_score: Series[float] = pa.Field(nullable=True)
    slope_probability: Series[float] = pa.Field(nullable=True)


class Leakage(Table):
    """One row a section of the report and a flaw of the protocol, beside a control without it.

    Folds of the `control` have the sizes and classes of those with the flaw; `added` is the accuracy that the flaw
    adds. `kind` is cumulative where a flaw contains others, and shared text where real signal is among what is added.
    Scores are empty where the `note` says why there is no control.
    """

    text: Series[str]
    flaw: Series[str]
    kind: Series[str] = pa.Field(isin=["flaw", "cumulative", "shared text"])
    n: Series[int]
    control: Series[float] = pa.Field(nullable=True)
    control_low: Series[float] = pa.Field(nullable=True)
    control_high: Series[float] = pa.Field(nullable=True)
    accuracy: Series[float] = pa.Field(nullable=True)
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    added: Series[float] = pa.Field(nullable=True)
    added_low: Series[float] = pa.Field(nullable=True)
    added_high: Series[float] = pa.Field(nullable=True)
    note: Series[str]


class Words(Table):
    """One row a section and word: how its presence tells the label.

    `telling` words are the most telling of the section, chosen on one half of the groups and measured on the `n` pairs
    of the other; `named` ones name a label, or are listed in the settings. `texts` have the word, a share of the pairs
    of each label. `auroc` is that of its presence.
    """

    text: Series[str]
    word: Series[str]
    kind: Series[str] = pa.Field(isin=["telling", "named"])
    n: Series[int]
    texts: Series[int]
    share_negative: Series[float] = pa.Field(nullable=True)
    share_positive: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


class Shortcuts(Table):
    """One row a section, or none, and what little of it a logistic regression reads; scores are out of fold."""

    text: Series[str]
    reads: Series[str]
    n: Series[int]
    accuracy: Series[float]
    accuracy_low: Series[float] = pa.Field(nullable=True)
    accuracy_high: Series[float] = pa.Field(nullable=True)
    auroc: Series[float] = pa.Field(nullable=True)
    auroc_low: Series[float] = pa.Field(nullable=True)
    auroc_high: Series[float] = pa.Field(nullable=True)


class Funnel(Table):
    """How many images, reports and pairs are left after each step, and how many of them are of each class."""

    step: Series[str] = pa.Field(unique=True)
    count: Series[int] = pa.Field(ge=0)
    negative: Series[pd.Int64Dtype] = pa.Field(ge=0, nullable=True)
    positive: Series[pd.Int64Dtype] = pa.Field(ge=0, nullable=True)


OF_SOME_STUDIES = {  # tables that not every study has, by the names of their files
    "ablations": Ablations,
    "segmentation": Segmentation,
    "calibration": Calibration,
    "cnn_comparison": CNNComparison,
    "leakage": Leakage,
    "shortcuts": Shortcuts,
    "sites": Sites,
    "words": Words,
}

WITH_ROWS = {Cases}  # tables that say nothing when they are empty

MEANING_OF_CHECK = {
    "field_uniqueness": "no value twice",
    "not_nullable": "no missing value (an empty cell is an empty text, not NaN)",
}

AnyTable = TypeVar("AnyTable", bound=Table)


def columns(table: type[Table]) -> list[str]:
    """The column names of `table`, in order."""
    return list(table.to_schema().columns)


def read_table(path: Path, table: type[AnyTable]) -> pd.DataFrame:
    """Read and check a CSV file.

    Raises:
        UserError: the file is missing, is no CSV in UTF-8, has a row of more or fewer fields than its header, lacks a
            column, or holds a value its column does not allow.
    """
    found = checked(_read_csv(path, table), table, path)
    if table in WITH_ROWS and found.empty:
        raise UserError(f"{path}: has no row below its header; expected at least one.")
    return found


def read_by_name(paths: list[Path]) -> dict[str, pd.DataFrame]:
    """Tables of `OF_SOME_STUDIES` by the names of their files; see `read_table`.

    Raises:
        UserError: no table has the name of a file.
    """
    for path in paths:
        if path.stem not in OF_SOME_STUDIES:
            raise UserError(f"{path}: no table is called {path.stem}; expected one of {', '.join(OF_SOME_STUDIES)}.")
    return {path.stem: read_table(path, OF_SOME_STUDIES[path.stem]) for path in paths}


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


def checked(
    frame: pd.DataFrame, table: type[AnyTable], source: Path | str, remedy: str = "Mend or replace the file."
) -> pd.DataFrame:
    """`frame` with the types of `table`; `source` and `remedy` are named when it does not fit."""
    missing = [name for name in columns(table) if name not in frame]
    if missing:
        raise UserError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(frame)}. "
            f"Expected the columns {', '.join(columns(table))}. {remedy}"
        )
    try:
        return table.validate(frame, lazy=True)
    except SchemaErrors as errors:
        first = errors.failure_cases.iloc[0]
        raise UserError(
            f"{source}: column {first['column']}, row {first['index']}: found '{first['failure_case']}', expected "
            f"{MEANING_OF_CHECK.get(first['check'], first['check'])} ({len(errors.failure_cases)} values in all). "
            f"{remedy}"
        ) from errors


def write_table(frame: pd.DataFrame, path: Path, table: type[AnyTable]) -> None:
    """Write the columns of `table`, checked, as CSV."""
    with whole_file(path) as stream:
        checked(frame, table, path)[columns(table)].to_csv(stream, index=False, lineterminator="\n")


def rejected_table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """A table of `Rejected` from rows of what, id, reason."""
    return pd.DataFrame(rows, columns=columns(Rejected), dtype=str)


def _read_csv(path: Path, table: type[Table]) -> pd.DataFrame:
    nullable = [name for name, column in table.to_schema().columns.items() if column.nullable]
    try:
        _check_rows(path, table)
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values={name: [""] for name in nullable})
    except UnicodeDecodeError:
        raise UserError(f"{path}: cannot be read as CSV; {where_not_utf8(path)}") from None
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found. Expected a CSV file with the columns {', '.join(columns(table))}: "
            "run the stage that writes it, or put it there."
        ) from None
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error}). Replace the file.") from error


def _check_rows(path: Path, table: type[Table]) -> None:
    """Refuse what pandas would mend by guessing: too many or few fields, stray quotes, a column that comes twice."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, strict=True)
        try:
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    raise UserError(
                        f"{path}: line {rows.line_num}: found {len(row)} fields, expected the {len(header)} of the "
                        "header. Put quotes around a field that holds a comma, or mend the row."
                    )
        except csv.Error as error:
            raise UserError(f"{path}: line {rows.line_num}: {error}. Mend the quotes.") from error
    twice = [name for name in columns(table) if header.count(name) > 1]
    if twice:
        raise UserError(f"{path}: found the column {', '.join(twice)} more than once. Rename or remove one.")
