"""Out-of-fold predictions of every model to one comparison table."""

import json
from pathlib import Path

import pandas as pd

from lungfuse.compare.ablations import ablate, held_out_pairs
from lungfuse.compare.own_text import OWN_TEXT_IS, held_apart, own_text_in_words, with_own_text
from lungfuse.compare.scores import METRICS, paired_p, score_with_intervals
from lungfuse.errors import UserError
from lungfuse.files import whole_file
from lungfuse.parameters import Several
from lungfuse.settings import LATE, TRAINED, ComparisonSettings, EncoderSettings, Row
from lungfuse.tables import Ablations, Comparison, Pairs, Predictions, limits, read_table, with_limits, write_table


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
    trainings: Several[Path] = (),
    annotated_index: Path | None = None,
    comparison_table: Path,
    comparison_page: Path,
    ablations_table: Path,
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
    metrics
        Output: accuracy and AUROC by row, JSON, for `dvc metrics`.
    """
    pair_table = read_table(pairs, Pairs)
    joined = [join_predictions(pair_table, read_table(path, Predictions), path) for path in predictions]
    scored = with_own_text(compare(models, joined, comparison, seed), models, pair_table, joined)
    names = [path.stem for path in predictions]
    if comparison.timings:
        scored["seconds_per_epoch"] = pd.Series(names).map(seconds_per_epoch(trainings)).round(2)
    scored["encoders"] = [encoder_names(row, encoders) for row in models]
    write_table(scored, comparison_table, Comparison)
    held_out = held_out_pairs(pair_table, annotated_index) if annotated_index else None
    write_table(ablate(models, joined, comparison, seed, held_out), ablations_table, Ablations)
    page = render(scored, pair_table, title, notice, comparison)
    with whole_file(comparison_page) as stream:
        stream.write(page)
    by_row = scored.set_axis(names)[["accuracy", "auroc"]]
    with whole_file(metrics) as stream:
        by_row.to_json(stream, orient="index", indent=2)
    print(page)


def join_predictions(pairs: pd.DataFrame, predictions: pd.DataFrame, source: Path) -> pd.DataFrame:
    """The predictions with the group of each pair, in the order of `pairs`.

    Raises:
        UserError: a pair is missing or unknown, or its fold or label differs: the predictions are of another split.
    """
    keys = ["pair_id", "fold", "label"]
    joined = pairs[[*keys, "group"]].merge(predictions, on=keys, how="left", validate="one_to_one")
    strangers = len(predictions) - joined["score"].notna().sum()
    if strangers or joined["score"].isna().any():
        raise UserError(
            f"{source}: {joined['score'].isna().sum()} pairs have no prediction and {strangers} predictions no pair "
            "with the same fold and label; expected one prediction a pair. Make them again from these pairs."
        )
    return joined


def compare(models: list[Row], joined: list[pd.DataFrame], settings: ComparisonSettings, seed: int) -> pd.DataFrame:
    """The comparison table: a row a model, see `lungfuse.tables.Comparison`."""
    records = [_record(row, frame, settings, seed) for row, frame in zip(models, joined, strict=True)]
    unimodal = [number for number, row in enumerate(models) if len(row.inputs) == 1]
    if unimodal:
        best = max(unimodal, key=lambda number: records[number]["accuracy"])
        for number, frame in enumerate(joined):
            if number != best:
                right = [frame["label"] == frame["prediction"] for frame in (frame, joined[best])]
                p = paired_p(*right, frame["group"], settings.resamples, seed)
                records[number]["p_vs_best_unimodal"] = round(p, 4)
    return pd.DataFrame(records)


def _record(row: Row, frame: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict:
    record = {"model": row.label, "images": row.images, "text": row.text, "encoders": "", "n": len(frame)}
    scores = score_with_intervals(
        *(frame[column].to_numpy() for column in ["label", "score", "prediction", "group"]),
        settings.confidence,
        settings.resamples,
        seed,
    )
    for metric in METRICS:
        names = [metric, f"{metric}_low", f"{metric}_high"]
        record |= {name: round(value, 4) for name, value in zip(names, scores[metric], strict=True)}
    published = {(figure.images, figure.text): figure.accuracy for figure in settings.published}
    figure = float("nan") if row.ablation else published.get((row.images, row.text), float("nan"))
    return record | {
        "p_vs_best_unimodal": float("nan"),
        "seconds_per_epoch": float("nan"),
        "published_accuracy": figure,
    }


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
    reference = scored["p_vs_best_unimodal"].isna() & ((scored["images"] == "") ^ (scored["text"] == ""))
    shown = pd.DataFrame({column: scored[column] for column in ["model", "images", "text"]})
    for metric in METRICS:
        shown[metric] = with_limits(limits(scored, metric))
    if scored["n_own_text"].notna().any():
        shown["own text"] = own_text_in_words(scored)
    shown["p"] = scored["p_vs_best_unimodal"].map(lambda p: f"{p:.4f}", na_action="ignore").mask(reference, "reference")
    shown["published"] = scored["published_accuracy"].map(lambda accuracy: f"{accuracy:.2f}", na_action="ignore")
    lines = [
        f"# Comparison: {title}",
        *([f"**{notice}**"] if notice else []),
        f"{len(pairs)} pairs ({pairs['label'].sum()} positive), {pairs['report_id'].nunique()} reports, "
        f"{pairs['group'].nunique()} groups, {pairs['fold'].nunique()} folds; out-of-fold predictions, pooled.",
        held_apart(pairs, scored["text"]),
        shown.fillna("").to_markdown(index=False),
        f"In brackets: {settings.confidence:.0%} intervals by bootstrap over groups. p: accuracy against the best row "
        "with one input, by exchanging predictions group by group.",
        *([OWN_TEXT_IS] if "own text" in shown else []),
    ]
    if settings.published:
        figures = pd.DataFrame([figure.model_dump() for figure in settings.published])
        lines += [
            "Published accuracy of the study this one rebuilds, each on another set of pairs:",
            figures.to_markdown(index=False),
        ]
    return "\n\n".join(lines) + "\n"
