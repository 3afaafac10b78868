"""Out-of-fold predictions of every model to one comparison table."""

import json
from pathlib import Path

import pandas as pd

from lungfuse.compare.ablations import ablate, held_out_pairs
from lungfuse.compare.calibration import calibration
from lungfuse.compare.own_text import with_own_text
from lungfuse.compare.page import render
from lungfuse.compare.paired import paired_p
from lungfuse.compare.scores import (
    corrected,
    join_predictions,
    score_with_intervals,
    validated_primary,
)
from lungfuse.compare.subsets import by_missing, lacking, per_label, read_structured
from lungfuse.compare.verdict import verdict
from lungfuse.files import atomic_write
from lungfuse.measures import METRICS
from lungfuse.parameters import FromJSON, Heading, Question, Several, options
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import TRAINED, Row
from lungfuse.settings.training import EncoderSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Ablations, Calibration, Comparison, Missing, PerLabel, Verdict
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.tasks import Task, load_task


@options
class Files:
    """What is compared.

    Parameters
    ----------
    pairs
        Table of pairs with folds.
    predictions
        Out-of-fold predictions, one file a row of `models`, in the same order.
    validated
        Scores of the validation pairs of each fold, in the same order.
    trainings
        What each training took: settings.json of every fold of every trained row.
    annotated_index
        Index of the annotated images, where they are images of the study and segmenters have learned from some.
    structured
        Values of the structured columns, where a row reads some.
    """

    pairs: Path
    predictions: Several[Path]
    validated: Several[Path]
    trainings: Several[Path] = ()
    annotated_index: Path | None = None
    structured: Path | None = None


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    comparison_table
        Output: the comparison as CSV.
    comparison_page
        Output: the comparison as a page to read.
    ablations_table
        Output: rows that differ in one thing, against each other.
    calibration_table
        Output: how well scores and probabilities are calibrated.
    verdict_table
        Output: the best fusion of each set of inputs against the best of its parts.
    per_label_table
        Output: each label, or each class against the rest.
    missing_table
        Output: scores of the pairs that lack a modality.
    metrics
        Output: accuracy and AUROC by row, JSON, for `dvc metrics`.
    """

    comparison_table: Path
    comparison_page: Path
    ablations_table: Path
    calibration_table: Path
    verdict_table: Path | None = None
    per_label_table: Path | None = None
    missing_table: Path | None = None
    metrics: Path


def main(
    *,
    study: Heading,
    question: Question,
    models: FromJSON[list[Row]],
    encoders: EncoderSettings,
    comparison: ComparisonSettings,
    seed: int,
    files: Files,
    outputs: Outputs,
) -> None:
    """Score every model on the same pairs and write the table.

    Parameters
    ----------
    study
        What stands above.
    question
        What the study asks of a pair.
    models
        The rows of the table.
    encoders
        The encoders of the study; a row may have others.
    comparison
        Confidence, number of resamples and published figures.
    seed
        Seed of the resampling.
    files
        What is compared.
    outputs
        What is written.
    """
    asked, pair_table = load_task(question.task, question.labels), read_table(files.pairs, Pairs)
    joined = [join_predictions(asked, pair_table, read_table(path, Predictions), path) for path in files.predictions]
    names = [path.stem for path in files.predictions]
    known = [validated_primary(asked, read_table(path, ValidationPredictions)) for path in files.validated]
    scored = compare(asked, names, models, joined, known, comparison, seed)
    scored = with_own_text(asked, scored, models, pair_table, joined)
    if comparison.timings:
        scored["seconds_per_epoch"] = pd.Series(names).map(seconds_per_epoch(files.trainings)).round(2)
    scored["encoders"] = encoder_names(names, models, encoders)
    write_table(scored, outputs.comparison_table, Comparison)
    held_out = held_out_pairs(pair_table, files.annotated_index) if files.annotated_index else None
    ablations = ablate(asked, names, models, joined, known, comparison, seed, held_out)
    write_table(ablations, outputs.ablations_table, Ablations)
    write_table(calibration(asked, names, models, joined), outputs.calibration_table, Calibration)
    if outputs.verdict_table:
        found = verdict(asked, names, models, joined, known, comparison, seed)
        write_table(found, outputs.verdict_table, Verdict)
    if outputs.per_label_table:
        write_table(per_label(asked, names, models, joined, comparison, seed), outputs.per_label_table, PerLabel)
    if outputs.missing_table:
        values = read_structured(files.structured, pair_table) if files.structured else None
        lacks = [lacking(row, pair_table, values) for row in models]
        missing = by_missing(asked, names, models, joined, lacks, comparison, seed)
        write_table(missing, outputs.missing_table, Missing)
    page = render(question.task, question.labels, scored, pair_table, study.title, study.notice, comparison)
    with atomic_write(outputs.comparison_page) as stream:
        stream.write(page)
    by_row = scored.set_axis(names)[["accuracy", "auroc"]]
    with atomic_write(outputs.metrics) as stream:
        by_row.to_json(stream, orient="index", indent=2)
    print(page)


def compare(
    task: Task,
    names: list[str],
    models: FromJSON[list[Row]],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
) -> pd.DataFrame:
    """The comparison table: a row a model, see `lungfuse.tables.Comparison`."""
    rows = zip(names, models, joined, strict=True)
    records = [{"row": name} | _record(task, row, frame, settings, seed) for name, row, frame in rows]
    for number, row in enumerate(models):
        if (best := reference(row, models, validated)) is not None:
            p = paired_p(task, joined[number], joined[best], settings.resamples, seed)
            records[number] |= {"reference": names[best], "p_vs_best_unimodal": p}
    table = pd.DataFrame(records)
    table["p_corrected"] = corrected(table["p_vs_best_unimodal"]).round(4)
    return table.round({"p_vs_best_unimodal": 4})


def reference(row: Row, models: list[Row], validated: list[float]) -> int | None:
    """The row that a row is held against: of those that read a part of its inputs, that with the best primary
    metric on validation pairs. Rows with an input shuffled or dropped are neither held against one nor are they one.
    """
    parts = [n for n, part in enumerate(models) if not part.ablation and part.sources and part.sources < row.sources]
    return max(parts, key=validated.__getitem__, default=None) if not row.ablation else None


def _record(task: Task, row: Row, frame: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict:
    repeats = frame["repeat"].nunique()
    record = row.named | {"encoders": ""}
    record |= {"n": len(frame) // repeats, "repeats": repeats}
    scores = score_with_intervals(task, frame, settings.confidence, settings.resamples, seed)
    for metric in METRICS:
        names = [metric, f"{metric}_low", f"{metric}_high"]
        record |= {name: round(value, 4) for name, value in zip(names, scores[metric], strict=True)}
    published = {(figure.images, figure.text): figure.accuracy for figure in settings.published}
    figure = float("nan") if row.ablation or row.structured else published.get((row.images, row.text), float("nan"))
    return record | {
        "reference": "",
        "p_vs_best_unimodal": float("nan"),
        "p_corrected": float("nan"),
        "seconds_per_epoch": float("nan"),
        "published_accuracy": figure,
    }


def seconds_per_epoch(trainings: list[Path]) -> dict[str, float]:
    """Mean seconds an epoch by row, from the settings.json of results/<study>/models/<row>/fold<k>/."""
    seconds: dict[str, list[float]] = {}
    for path in trainings:
        seconds.setdefault(path.parent.parent.name, []).append(json.loads(path.read_text())["seconds_per_epoch"])
    return {row: sum(values) / len(values) for row, values in seconds.items()}


def encoder_names(names: list[str], models: list[Row], encoders: EncoderSettings) -> list[str]:
    """The encoders under each row, in the order of the modalities; of a late fusion those of its parts."""
    own = {name: encoders.model_copy(update=row.encoders) for name, row in zip(names, models, strict=True)}
    found = []
    for name, row in zip(names, models, strict=True):
        parts = row.parts if row.kind == "late" else {}
        by_modality = {
            modality: own[parts.get(modality, name)].of([modality])[modality] for modality in own[name].of(row.inputs)
        }
        found.append(" + ".join(by_modality.values()) if row.kind in [*TRAINED, "late"] else "")
    return found
