"""What the data card and the model card of a study say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungfuse.compare.brier import brier_score
from lungfuse.compare.results import Results
from lungfuse.compare.subsets import lacking_any
from lungfuse.datasets import load_dataset
from lungfuse.encoders import Random, encoder_spec
from lungfuse.encoders.tokens import count_tokens
from lungfuse.ingest.labels import headings_of
from lungfuse.markdown import Markdown
from lungfuse.modalities import in_order
from lungfuse.plan.resolve import text_tokens
from lungfuse.report.data import of_classes
from lungfuse.report.forest import METRIC
from lungfuse.report.layout import markdown
from lungfuse.report.sharing import few, suppressed
from lungfuse.report.style import inputs_of, row_names
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.study import Study
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.ingest import sections_of
from lungfuse.tasks import Task
from lungfuse.words import counted, joined

SHOWN_OF_TRAINING = ["init_from", "layers", "epochs", "batch_size", "learning_rate"]
SHOWN_OF_TRAINING += ["encoder_learning_rate", "word_dropout"]
BALANCE = {
    "first": "The larger class is cut to its first reports in the collection's order, as many as the other has.",
    "random": "The larger class is cut to as many reports as the other has, drawn at random.",
    "none": "The classes are as large as they are.",
}
BALANCE_OF_SEVERAL = {
    "first": "Every class is cut to its first reports in the collection's order, as many as the smallest has.",
    "random": "Every class is cut to as many reports as the smallest has, drawn at random.",
    "none": BALANCE["none"],
}
READ = {  # of pairs, where a study has these modalities
    ("image", "text", "structured"): " of an image, its report and structured columns",
    ("image", "text"): " of an image and its report",
    ("image",): ", of which the image alone is read",
    ("text",): ", of which the text alone is read",
}


def about_data(
    study: Study, task: Task, pairs: pd.DataFrame, funnel: pd.DataFrame, rejected: pd.DataFrame, tokenizer: Path | None
) -> dict[str, Any]:
    """What the template of the data card asks for, but for structured columns."""
    task, pairs = task.in_classes(pairs)
    sections = [section for section in sections_of(pairs) if (pairs[section] != "").any()]
    words = {section: pairs[section].str.split().str.len() for section in sections}
    lengths = [
        {"section": section, "empty": int((count == 0).sum())}
        | {name: int(count[count > 0].quantile(at)) for name, at in [("least", 0), ("median", 0.5), ("most", 1)]}
        for section, count in words.items()
    ]
    by = ["what", "reason"] if study.share == "all" else ["what"]  # a reason may quote a cell
    reasons = rejected.groupby(by, sort=False).size().reset_index(name="count")
    several, modalities = len(task.columns("label")) > 1, tuple(in_order(study.modalities))
    balance = BALANCE if len(study.labels) == 2 else BALANCE_OF_SEVERAL
    classes = [
        f"{counted_in(study, count)} {name}"
        for name, count in zip(task.labels, of_classes(task, pairs).sum(axis=0), strict=True)
    ]
    kinds = ["fold", *(["site"] if pairs["site"].nunique() > 1 else [])]
    return {
        "source": load_dataset(study.dataset, study.table).SOURCE,
        "pairs": pairs,
        "read": READ.get(modalities, f", of which {joined(modalities)} are read"),
        "classes": "" if several else ", ".join(classes),
        "known": shown(study, known_labels(task, pairs)) if several else "",
        "headings_of": headings_of,
        "text_tokens": text_tokens(study.encoders) if tokenizer else 0,
        "balance": "" if several else balance[study.filter.balance],
        "funnel": shown(study, funnel),
        "by_class": Markdown("\n\n".join(shown(study, by_class(task, pairs, kind)) for kind in kinds)),
        "words": shown(study, pd.DataFrame(lengths)) if lengths else "",
        "cut": shown(study, cut_texts(study, task, pairs, sections, tokenizer)) if tokenizer and sections else "",
        "rejected": shown(study, reasons) if len(reasons) else "",
    }


def shown(study: Study, table: pd.DataFrame) -> Markdown:
    """A table of the card, without counts of few cases where the study is shared."""
    return markdown(suppressed(table) if study.share == "aggregate" else table)


def counted_in(study: Study, count: int) -> str:
    """A count of cases, where it may be said."""
    return few(count) if study.share == "aggregate" else str(count)


def by_class(task: Task, pairs: pd.DataFrame, kind: str) -> pd.DataFrame:
    """How many pairs of each class or label each fold or site has."""
    found = pd.DataFrame(of_classes(task, pairs), columns=task.labels).astype(int)
    if len(task.columns("label")) == 1:
        found = found[[name for name in sorted(task.labels) if found[name].any()]]
    return found.groupby(pairs[kind].to_numpy()).sum().rename_axis(kind).reset_index()


def known_labels(task: Task, pairs: pd.DataFrame) -> pd.DataFrame:
    """How many pairs have each label, have it not, or may have it."""
    targets = task.targets(pairs)
    counts = {"positive": targets == 1, "negative": targets == 0, "unknown": np.isnan(targets)}
    return pd.DataFrame({"label": task.labels} | {name: which.sum(axis=0) for name, which in counts.items()})


def about_columns(
    study: Study, task: Task, pairs: pd.DataFrame, values: pd.DataFrame, described: pd.DataFrame
) -> dict[str, Any]:
    """What the template of the data card asks for of what may be missing, and of structured columns.

    `values` are theirs, as texts, in the order of the pairs; `described` is the table `Columns`.
    """
    task, pairs = task.in_classes(pairs)
    lacking = {name: int(which.sum()) for name, which in lacking_any(study.modalities, pairs, values).items()}
    records = []
    for column in described.itertuples():
        texts = values[column.name]
        record = {"column": column.name, "unit": column.unit or column.kind, "missing": int((texts == "").sum())}
        if len(task.columns("label")) == 1:
            missing = (of_classes(task, pairs) & (texts == "").to_numpy()[:, None]).sum(axis=0)
            record |= {f"missing of {name}": int(n) for name, n in zip(task.labels, missing, strict=True)}
        records.append(record | {"median, or most frequent": typical(texts[texts != ""], column.kind)})
    return {
        "lacking": ", ".join(f"{counted_in(study, count)} have no {name}" for name, count in lacking.items() if count),
        "structured": shown(study, pd.DataFrame(records)) if records else "",
    }


def typical(texts: pd.Series, kind: str) -> str:
    """The median of numbers, the most frequent category; nothing where there is none."""
    if texts.empty:
        return ""
    return f"{texts.astype(float).median():g}" if kind == "number" else str(texts.mode().iloc[0])


def cut_texts(study: Study, task: Task, pairs: pd.DataFrame, sections: list[str], tokenizer: Path) -> pd.DataFrame:
    """How many texts of each section the text encoder cuts, by class or label, and the share of all tokens lost."""
    limit, records = text_tokens(study.encoders), []
    classes = of_classes(task, pairs)
    for section in sections:
        tokens = count_tokens(pairs[section], tokenizer)
        cut = (np.asarray(tokens > limit)[:, None] & classes).sum(axis=0)
        by_name = {f"{name} cut": int(n) for name, n in zip(task.labels, cut, strict=True)}
        lost = np.clip(tokens - limit, 0, None).sum() / tokens.sum()
        records.append({"section": section, "most tokens": tokens.max()} | by_name | {"tokens lost": f"{lost:.2%}"})
    return pd.DataFrame(records)


def shown_of_training(model: ModelConfig) -> dict[str, Any]:
    """Some settings of the training of a network, but those that each fold has found by itself."""
    shown = model.train.model_dump(include=set(SHOWN_OF_TRAINING))
    space = model.search.space if model.search else {}
    return {key: "searched" if f"train.{key}" in space else value for key, value in shown.items()}


def about_models(
    study: Study, results: Results, comparison: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """What the template of the model card asks for."""
    task, pairs = results.task, results.pairs
    rows = pd.DataFrame({"row": list(study.models), "model": comparison["model"], "reads": inputs_of(comparison)})
    rows["of"] = [", ".join(filter(None, [row.images, row.text, *row.structured])) for row in study.models.values()]
    if any(row.encoders for row in study.models.values()):
        rows["encoders"] = comparison["encoders"]
    trainings = dict(zip(study.models, comparison["repeats"], strict=True))
    trained = [
        {"row": name, "trainings": trainings[name]} | shown_of_training(model)
        for name, model in zip(results.names, results.models, strict=True)
        if model.train
    ]
    scores = pd.DataFrame({"row": list(study.models)})
    for metric in task.shown:
        scores[metric] = with_limits(limits(comparison, metric))
    if not task.numbers:
        scores["brier"] = [f"{brier_score(task, each, 'score'):.3f}" for each in results.predictions]
    scores[["against", "p"]] = comparison[["reference", "p_corrected"]]
    used = used_encoders(results.models)
    pooled = "; of frozen ones the mean token is read" if study.encoders.pooling == "mean" else ""
    foreign = [name for names in used.values() for name in names if not isinstance(encoder_spec(name).source, Random)]
    named = [f"{modality} encoder{'s' if len(names) > 1 else ''} {joined(names)}" for modality, names in used.items()]
    return {
        "rows": markdown(rows),
        "trained": markdown(pd.DataFrame(trained)) if trained else "",
        "folds_and_pairs": f"{pairs['fold'].nunique()} folds, {len(pairs)} pairs",
        "scores": markdown(scores),
        "per_label": markdown(aurocs(tables["per_label"])) if "per_label" in tables else "",
        "ablations": markdown(in_points(tables["ablations"])) if "ablations" in tables else "",
        "sites": shown(study, tables["sites"].dropna(axis=1, how="all")) if "sites" in tables else "",
        "encoders": ", ".join(named).capitalize() + pooled,
        "research_weights": " and ".join(foreign) if trained else "",
        "named_labels": joined(study.labels),
        "metric": METRIC[study.comparison.primary],
    }


def about_pretraining(files: list[Path]) -> list[str]:
    """What image encoders have learned from other patients, a sentence for each file of settings."""
    said = []
    for file in files:
        made = json.loads(file.read_text(encoding="utf-8"))
        labels = [f"{name} ({counted(count, 'report')})" for name, count in made["labels"].items()]
        own = f"the labels of this study: {joined(labels)}" if labels else "no label of this study"
        images, headings = made["learned"] + made["validated"], counted(len(made["headings"]), "heading")
        said.append(
            f"{made['encoder']} was first trained on {images:,} images of other patients to predict {headings} of "
            f"their reports, among them {own} (`{file.parent.name}`)"
        )
    return said


def used_encoders(models: list[ModelConfig]) -> dict[str, list[str]]:
    """The encoders that models read with, by modality."""
    used: dict[str, list[str]] = {}
    for model in models:
        for modality, name in model.encoders.items():
            used.setdefault(modality, []).append(name)
    return {modality: list(dict.fromkeys(used[modality])) for modality in in_order(used)}


def aurocs(per_label: pd.DataFrame) -> pd.DataFrame:
    """The AUROC of each row on each label of the table `PerLabel`, a line a row."""
    shown = per_label.assign(auroc=per_label["auroc"].map("{:.3f}".format, na_action="ignore"))
    labels = list(dict.fromkeys(shown["label"]))
    table = shown.pivot(index="row", columns="label", values="auroc").loc[list(dict.fromkeys(shown["row"])), labels]
    return table.rename_axis(None, axis=1).reset_index()


def in_points(ablations: pd.DataFrame) -> pd.DataFrame:
    """The table `Ablations` with its differences in points and words."""
    points = with_limits(limits(ablations, "difference") * 100, 1, "+")
    measured = ["change", "changed", "pairs", "n", "value", "value_changed", "lost", "gained", "p_corrected"]
    shown = ablations[measured]
    return shown.assign(points=points).set_axis(row_names(ablations)).rename_axis("row").reset_index()
