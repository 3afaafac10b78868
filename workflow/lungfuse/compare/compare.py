"""Out-of-fold predictions of every model to one comparison table."""

import json
from pathlib import Path

import pandas as pd
from sklearn.metrics import brier_score_loss

from lungfuse.compare.ablations import ablate, held_out_pairs
from lungfuse.compare.own_text import OWN_TEXT_IS, held_apart, own_text_in_words, with_own_text
from lungfuse.compare.scores import METRICS, corrected, groups_of, paired_p, right, score_with_intervals
from lungfuse.errors import UserError
from lungfuse.files import whole_file
from lungfuse.parameters import Several
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import LATE, TRAINED, Row
from lungfuse.settings.training import EncoderSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Ablations, Calibration, Comparison, limits, with_limits
from lungfuse.tables.ingest import Pairs
from lungfuse.tables.training import Predictions, ValidationPredictions
from lungfuse.train.calibration import slope_of

AGAINST_IS = (
    "Against: of the rows that read a part of the same inputs, that with the best accuracy on the validation pairs; p: "
    "equal accuracy with it, by exchanging predictions group by group, corrected for {tests} tests (Holm)."
)


def main(
    *,
    title: str,
    notice: str,
    models: list[Row],
    encoders: EncoderSettings,
    comparison: ComparisonSettings,
    seed: int,
    pairs: Path,
    predictions: Several[Path],
    validated: Several[Path],
    trainings: Several[Path] = (),
    annotated_index: Path | None = None,
    comparison_table: Path,
    comparison_page: Path,
    ablations_table: Path,
    calibration_table: Path,
    metrics: Path,
) -> None:
    """Score every model on the same pairs and write the table.

    Parameters
    ----------
    title
        Name of the study.
    notice
        What every table of the study has to say.
    models
        The rows of the table.
    encoders
        The encoders of the trained models.
    comparison
        Confidence, number of resamples and published figures.
    seed
        Seed of the resampling.
    pairs
        Table of pairs with folds.
    predictions
        Out-of-fold predictions, one file a row of `models`, in the same order.
    validated
        Scores of the validation pairs of each fold, in the same order.
    trainings
        What each training took: settings.json of every fold of every trained row.
    annotated_index
        Index of the annotated X-rays, where they are images of the study and segmenters have learned from some.
    comparison_table
        Output: the comparison as CSV.
    comparison_page
        Output: the comparison as a page to read.
    ablations_table
        Output: rows that differ in one thing, against each other.
    calibration_table
        Output: how well scores and probabilities are calibrated.
    metrics
        Output: accuracy and AUROC by row, JSON, for `dvc metrics`.
    """
    pair_table = read_table(pairs, Pairs)
    joined = [join_predictions(pair_table, read_table(path, Predictions), path) for path in predictions]
    names = [path.stem for path in predictions]
    known = [validation_accuracy(read_table(path, ValidationPredictions)) for path in validated]
    scored = compare(names, models, joined, known, comparison, seed)
    scored = with_own_text(scored, models, pair_table, joined)
    if comparison.timings:
        scored["seconds_per_epoch"] = pd.Series(names).map(seconds_per_epoch(trainings)).round(2)
    scored["encoders"] = [encoder_names(row, encoders) for row in models]
    write_table(scored, comparison_table, Comparison)
    held_out = held_out_pairs(pair_table, annotated_index) if annotated_index else None
    ablations = ablate(names, models, joined, known, comparison, seed, held_out)
    write_table(ablations, ablations_table, Ablations)
    write_table(calibration(models, joined), calibration_table, Calibration)
    page = render(scored, pair_table, title, notice, comparison)
    with whole_file(comparison_page) as stream:
        stream.write(page)
    by_row = scored.set_axis(names)[["accuracy", "auroc"]]
    with whole_file(metrics) as stream:
        by_row.to_json(stream, orient="index", indent=2)
    print(page)


def join_predictions(pairs: pd.DataFrame, predictions: pd.DataFrame, source: Path) -> pd.DataFrame:
    """The predictions with the group of each pair, in the order of `pairs`, one repeat after the other.

    Raises:
        UserError: a pair is missing or unknown, or its fold or label differs: the predictions are of another split.
    """
    keys = ["pair_id", "fold", "label"]
    joined = [
        pairs[[*keys, "group"]].merge(training, on=keys, how="left", validate="one_to_one")
        for _, training in predictions.groupby("repeat")
    ]
    joined = pd.concat(joined, ignore_index=True)
    strangers = len(predictions) - joined["score"].notna().sum()
    if strangers or joined["score"].isna().any():
        raise UserError(
            f"{source}: {joined['score'].isna().sum()} pairs have no prediction and {strangers} predictions no pair "
            "with the same fold and label; expected one prediction a pair. Make them again from these pairs."
        )
    return joined


def validation_accuracy(validated: pd.DataFrame) -> float:
    """Accuracy on the validation pairs of all folds, from `ValidationPredictions`."""
    return float(((validated["score"] >= 0.5) == validated["label"]).mean())


def compare(
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
) -> pd.DataFrame:
    """The comparison table: a row a model, see `lungfuse.tables.Comparison`."""
    records = [_record(row, frame, settings, seed) for row, frame in zip(models, joined, strict=True)]
    for number, row in enumerate(models):
        if (best := reference(row, models, validated)) is not None:
            exchanged = right(joined[number]), right(joined[best]), groups_of(joined[number])
            p = paired_p(*exchanged, settings.resamples, seed)
            records[number] |= {"reference": names[best], "p_vs_best_unimodal": p}
    table = pd.DataFrame(records)
    table["p_corrected"] = corrected(table["p_vs_best_unimodal"]).round(4)
    return table.round({"p_vs_best_unimodal": 4})


def reference(row: Row, models: list[Row], validated: list[float]) -> int | None:
    """The row that a row is held against: of those that read a part of its inputs, that with the best accuracy on
    validation pairs. Rows with a shuffled input are neither held against one nor are they one.
    """
    parts = [n for n, part in enumerate(models) if not part.ablation and part.sources and part.sources < row.sources]
    return max(parts, key=validated.__getitem__, default=None) if not row.ablation else None


def _record(row: Row, frame: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict:
    repeats = frame["repeat"].nunique()
    record = {"model": row.label, "images": row.images, "text": row.text, "encoders": ""}
    record |= {"n": len(frame) // repeats, "repeats": repeats}
    scores = score_with_intervals(
        *(frame[column].to_numpy() for column in ["label", "score", "prediction", "group"]),
        settings.confidence,
        settings.resamples,
        seed,
        frame["repeat"].to_numpy(),
    )
    for metric in METRICS:
        names = [metric, f"{metric}_low", f"{metric}_high"]
        record |= {name: round(value, 4) for name, value in zip(names, scores[metric], strict=True)}
    published = {(figure.images, figure.text): figure.accuracy for figure in settings.published}
    figure = float("nan") if row.ablation else published.get((row.images, row.text), float("nan"))
    return record | {
        "reference": "",
        "p_vs_best_unimodal": float("nan"),
        "p_corrected": float("nan"),
        "seconds_per_epoch": float("nan"),
        "published_accuracy": figure,
    }


def calibration(models: list[Row], joined: list[pd.DataFrame]) -> pd.DataFrame:
    """The table `Calibration` from the predictions of each row, all repeats together."""
    records = []
    for row, frame in zip(models, joined, strict=True):
        labels = frame["label"].to_numpy()
        record = {"model": row.label, "images": row.images, "text": row.text}
        for of in ["score", "probability"]:
            record[f"brier_{of}"] = brier_score_loss(labels, frame[of])
            record[f"slope_{of}"] = slope_of(frame[of].to_numpy(), labels)
        records.append(record)
    return pd.DataFrame(records).round(4)


def seconds_per_epoch(trainings: list[Path]) -> dict[str, float]:
    """Mean seconds an epoch by row, from the settings.json of results/<study>/models/<row>/fold<k>/."""
    seconds: dict[str, list[float]] = {}
    for path in trainings:
        seconds.setdefault(path.parent.parent.name, []).append(json.loads(path.read_text())["seconds_per_epoch"])
    return {row: sum(values) / len(values) for row, values in seconds.items()}


def encoder_names(row: Row, encoders: EncoderSettings) -> str:
    """The encoders under a row, image first."""
    return " + ".join(encoders.of(row.inputs).values()) if row.model in TRAINED | LATE else ""


def render(scored: pd.DataFrame, pairs: pd.DataFrame, title: str, notice: str, settings: ComparisonSettings) -> str:
    """The comparison as Markdown, with what it was measured on, what is held apart, and the published figures."""
    repeats, tests = scored["repeats"].max(), scored["p_vs_best_unimodal"].notna().sum()
    shown = pd.DataFrame({column: scored[column] for column in ["model", "images", "text"]})
    for metric in METRICS:
        shown[metric.replace("_", " ")] = with_limits(limits(scored, metric))
    if scored["n_own_text"].notna().any():
        shown["own text"] = own_text_in_words(scored)
    if tests:
        p_values = zip(scored["p_vs_best_unimodal"], scored["p_corrected"], strict=True)
        shown["against"] = scored["reference"]
        shown["p"] = [p_in_words(*values, settings.resamples) for values in p_values]
    shown["published"] = scored["published_accuracy"].map(lambda accuracy: f"{accuracy:.2f}", na_action="ignore")
    trained = f", each network trained {repeats} times on each fold" if repeats > 1 else ""
    lines = [
        f"# Comparison: {title}",
        *([f"**{notice}**"] if notice else []),
        f"{len(pairs)} pairs ({pairs['label'].sum()} positive), {pairs['report_id'].nunique()} reports, "
        f"{pairs['group'].nunique()} groups, {pairs['fold'].nunique()} folds{trained}; "
        "out-of-fold predictions, pooled.",
        held_apart(pairs, scored["text"]),
        shown.fillna("").to_markdown(index=False),
        f"In brackets: {settings.confidence:.0%} intervals by bootstrap over groups"
        f"{' and trainings' if repeats > 1 else ''}. Epochs, and the weights of late-stacked, are chosen on the "
        "validation pairs of each fold.",
        *([AGAINST_IS.format(tests=tests)] if tests else []),
        *([OWN_TEXT_IS] if "own text" in shown else []),
    ]
    if settings.published:
        figures = pd.DataFrame([figure.model_dump() for figure in settings.published])
        lines += [
            "Published accuracy of the study this one rebuilds, each on another set of pairs:",
            figures.to_markdown(index=False),
        ]
    return "\n\n".join(lines) + "\n"


def p_in_words(p: float, p_corrected: float, resamples: int) -> str:
    """A corrected p; a limit where no exchange drawn was as extreme, so that no less can be told."""
    if pd.isna(p):
        return ""
    if p_corrected < 0.001:
        return "< 0.001"
    least = p <= 2 / (resamples + 1) + 1e-4
    return f"{'≤ ' if least else ''}{p_corrected:.4f}"
