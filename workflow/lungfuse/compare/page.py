"""The comparison as a page to read."""

import numpy as np
import pandas as pd

from lungfuse.compare.own_text import OWN_TEXT_IS, held_apart, own_text_in_words
from lungfuse.measures import METRICS
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tasks import Task, load_task

AGAINST_IS = (
    "Against: of the rows that read a part of the same inputs, that with the best {metric} on the validation pairs; p: "
    "equal {metric} with it, by exchanging predictions group by group, corrected for {tests} tests (Holm)."
)
TRAININGS_ARE = "; `trainings` is how often a row was trained on each fold, with other seeds"
METRIC_IN_WORDS = {"accuracy": "accuracy", "auroc": "AUROC"}


def render(
    task: str,
    labels: list[str],
    scored: pd.DataFrame,
    pairs: pd.DataFrame,
    title: str,
    notice: str,
    settings: ComparisonSettings,
) -> str:
    """The comparison as Markdown, with what it was measured on, what is held apart, and the published figures."""
    repeats, tests = scored["repeats"].max(), scored["p_vs_best_unimodal"].notna().sum()
    asked = load_task(task, labels)
    metric_in_words = METRIC_IN_WORDS[asked.primary]
    inputs = ["images", "text", *(["structured"] if (scored["structured"] != "").any() else [])]
    shown = pd.DataFrame({column: scored[column] for column in ["model", *inputs]})
    if shown.duplicated().any():
        shown["encoders"] = scored["encoders"]
    for metric in METRICS:
        shown[metric.replace("_", " ")] = with_limits(limits(scored, metric))
    if scored["n_own_text"].notna().any():
        shown["own text"] = own_text_in_words(scored)
    if tests:
        p_values = zip(scored["p_vs_best_unimodal"], scored["p_corrected"], strict=True)
        shown["against"] = scored["reference"]
        shown["p"] = [p_in_words(*values, settings.resamples) for values in p_values]
    if repeats > 1:
        shown["trainings"] = scored["repeats"]
    shown["published"] = scored["published_accuracy"].map(lambda accuracy: f"{accuracy:.2f}", na_action="ignore")
    positives = ", and how many of them are positive" if asked.two_classes else ""
    lines = [
        f"# Comparison: {title}",
        *([f"**{notice}**"] if notice else []),
        f"{len(pairs)} pairs ({counts_in_words(asked, pairs)}), {pairs['report_id'].nunique()} reports, "
        f"{pairs['group'].nunique()} groups, {pairs['fold'].nunique()} folds; "
        f"out-of-fold predictions, pooled{TRAININGS_ARE if repeats > 1 else ''}.",
        held_apart(pairs, scored["text"]),
        shown.astype(object).fillna("").to_markdown(index=False),
        f"In brackets: {settings.confidence:.0%} intervals by bootstrap over groups"
        f"{' and trainings' if repeats > 1 else ''}. Epochs, and the weights of late-stacked, are chosen on the "
        "validation pairs of each fold.",
        *([asked.means] if asked.means else []),
        *([AGAINST_IS.format(metric=metric_in_words, tests=tests)] if tests else []),
        *([OWN_TEXT_IS.format(metric=metric_in_words, positives=positives)] if "own text" in shown else []),
    ]
    if settings.published:
        figures = pd.DataFrame([figure.model_dump() for figure in settings.published])
        lines += [
            "Published accuracy of the study this one rebuilds, each on another set of pairs:",
            figures.to_markdown(index=False),
        ]
    return "\n\n".join(lines) + "\n"


def counts_in_words(task: Task, pairs: pd.DataFrame) -> str:
    """How many pairs are of each class, or have each label."""
    targets = task.targets(pairs)
    if task.two_classes:
        return f"{int(targets.sum())} positive"
    found = task.one_against_rest(targets, np.zeros((len(pairs), len(task.columns("score")))), targets)
    return ", ".join(f"{int(each.label.sum())} {each.name}" for each in found)


def p_in_words(p: float, p_corrected: float, resamples: int) -> str:
    """A corrected p; a limit where no exchange drawn was as extreme, so that no less can be told."""
    if pd.isna(p):
        return ""
    if p_corrected < 0.001:
        return "< 0.001"
    least = p <= 2 / (resamples + 1) + 1e-4
    return f"{'≤ ' if least else ''}{p_corrected:.4f}"
