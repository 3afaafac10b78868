"""What a report says in words: a data card, a model card, the settings, run times, and tables as pages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from cyclopts import Parameter
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from sklearn.metrics import brier_score_loss

from lungfuse import __version__
from lungfuse.adapters import load_adapter
from lungfuse.encoders import Random, encoder_spec
from lungfuse.encoders.tokens import count_tokens
from lungfuse.files import whole_file
from lungfuse.hardware import USAGE
from lungfuse.parameters import Several
from lungfuse.report.style import heading, inputs_of, row_names
from lungfuse.settings.rows import TRAINED
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.by_name import read_by_name
from lungfuse.tables.comparison import Comparison, limits, with_limits
from lungfuse.tables.ingest import SECTIONS, Funnel, Pairs, Rejected
from lungfuse.tables.training import Predictions

TEMPLATES = Environment(
    loader=PackageLoader("lungfuse.report"),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
SHOWN_OF_TRAINING = ["layers", "epochs", "batch", "learning_rate", "encoder_learning_rate", "word_dropout"]
SettingsAsJson = Annotated[
    Study,
    Parameter(converter=lambda _, tokens: Study.model_validate_json(tokens[0].value), accepts_keys=False, n_tokens=1),
]
BALANCE = {
    "first": "The larger class is cut to its first reports in the collection's order, as many as the other has.",
    "random": "The larger class is cut to as many reports as the other has, drawn at random.",
    "none": "The classes are as large as they are.",
}


def main(
    *,
    title: str,
    settings: SettingsAsJson,
    funnel: Path,
    pairs: Path,
    rejected: Path,
    comparison_table: Path,
    comparison_page: Path,
    predictions: Several[Path],
    tables: Several[Path] = (),
    tokenizer: Path | None = None,
    logs: Path,
    data_card: Path,
    model_card: Path,
    pages: Path,
) -> None:
    """Write the cards of a study as Markdown, and them and the tables as HTML.

    Parameters
    ----------
    title
        Name of the study.
    settings
        Everything that params.yaml says of it.
    funnel
        What is left after each filter.
    pairs
        Table of pairs.
    rejected
        What could not be used.
    comparison_table
        Models and their scores.
    comparison_page
        The same as a page.
    predictions
        Out-of-fold predictions, one file a row of the comparison, in the same order.
    tables
        Further tables of the study, of those that `lungfuse.tables.OF_SOME_STUDIES` names.
    tokenizer
        That of the text encoder, where a row has one; tells which texts it cuts.
    logs
        Folder of the logs and benchmarks of jobs; those that are not here are left out of the run times.
    data_card
        Output: Markdown.
    model_card
        Output: Markdown.
    pages
        Output: folder of the HTML pages.
    """
    above = heading(title, settings.notice)
    found = read_by_name(tables)
    pair_table, comparison = read_table(pairs, Pairs), read_table(comparison_table, Comparison)
    shared = {
        "title": title,
        "study": settings,
        "labels": settings.labels,
        "version": __version__,
    }
    about = {
        "data_card": about_data(
            settings, pair_table, read_table(funnel, Funnel), read_table(rejected, Rejected), tokenizer
        ),
        "model_card": about_models(settings, pair_table, comparison, predictions, found),
    }
    shown = {name: TEMPLATES.get_template(f"{name}.md").render(shared | content) for name, content in about.items()}
    for name, path in {"data_card": data_card, "model_card": model_card}.items():
        with whole_file(path) as stream:
            stream.write(shown[name])
    shown["comparison"] = comparison_page.read_text(encoding="utf-8")
    found |= {"settings": flat(settings.model_dump(mode="json")), "run_times": run_times(logs)}
    shown |= {
        name: f"# {name.replace('_', ' ').capitalize()}: {above}\n\n{markdown(table)}" for name, table in found.items()
    }
    to_html = MarkdownIt().enable("table")
    for name, text in shown.items():
        with whole_file(pages / f"{name}.html") as stream:
            stream.write(TEMPLATES.get_template("page.html").render(title=above, body=to_html.render(text)))


def about_data(
    study: Study, pairs: pd.DataFrame, funnel: pd.DataFrame, rejected: pd.DataFrame, tokenizer: Path | None
) -> dict[str, Any]:
    """What the template of the data card asks for."""
    named = pairs["label"].map(dict(enumerate(study.labels)))
    kinds = ["fold", *(["site"] if pairs["site"].nunique() > 1 else [])]
    by_class = [pd.crosstab(pairs[kind], named).rename_axis(None, axis=1).reset_index() for kind in kinds]
    sections = [section for section in SECTIONS if (pairs[section] != "").any()]
    words = {section: pairs[section].str.split().str.len() for section in sections}
    lengths = [
        {"section": section, "empty": int((count == 0).sum())}
        | {name: int(count[count > 0].quantile(at)) for name, at in [("least", 0), ("median", 0.5), ("most", 1)]}
        for section, count in words.items()
    ]
    reasons = rejected.groupby(["what", "reason"], sort=False).size().reset_index(name="count")
    return {
        "source": load_adapter(study.adapter).SOURCE,
        "pairs": pairs,
        "balance": BALANCE[study.filter.balance],
        "funnel": markdown(funnel),
        "by_class": "\n\n".join(map(markdown, by_class)),
        "words": markdown(pd.DataFrame(lengths)) if lengths else "",
        "cut": markdown(cut_texts(study, pairs, sections, tokenizer)) if tokenizer and sections else "",
        "rejected": markdown(reasons) if len(reasons) else "",
    }


def cut_texts(study: Study, pairs: pd.DataFrame, sections: list[str], tokenizer: Path) -> pd.DataFrame:
    """How many texts of each section the text encoder cuts, by class, and the share of all tokens that is lost."""
    limit, records = study.encoders.text_tokens, []
    for section in sections:
        tokens = count_tokens(pairs[section], tokenizer)
        cut = {f"{name} cut": int((tokens[pairs["label"] == n] > limit).sum()) for n, name in enumerate(study.labels)}
        lost = np.clip(tokens - limit, 0, None).sum() / tokens.sum()
        records.append({"section": section, "most tokens": tokens.max()} | cut | {"tokens lost": f"{lost:.2%}"})
    return pd.DataFrame(records)


def about_models(
    study: Study,
    pairs: pd.DataFrame,
    comparison: pd.DataFrame,
    predictions: list[Path],
    tables: dict[str, pd.DataFrame],
) -> dict[str, Any]:
    """What the template of the model card asks for."""
    rows = pd.DataFrame({"row": list(study.models), "model": comparison["model"], "reads": inputs_of(comparison)})
    rows["of"] = [", ".join(filter(None, [row.images, row.text])) for row in study.models.values()]
    trained = [
        {"row": name} | study.train_of(study.models[name]).model_dump(include=set(SHOWN_OF_TRAINING))
        for name in study.rows_of(TRAINED)
    ]
    scores = pd.DataFrame({"row": list(study.models)})
    for metric in ["accuracy", "auroc", "sensitivity", "specificity"]:
        scores[metric] = with_limits(limits(comparison, metric))
    read = [read_table(path, Predictions) for path in predictions]
    scores["brier"] = [f"{brier_score_loss(frame['label'], frame['score']):.3f}" for frame in read]
    scores[["against", "p"]] = comparison[["reference", "p_corrected"]]
    used = study.encoders.of({modality for row in study.models.values() for modality in row.inputs})
    pooled = "; of frozen ones the mean token is read" if study.encoders.pooling == "mean" else ""
    foreign = [name for name in used.values() if not isinstance(encoder_spec(name).source, Random)]
    return {
        "rows": markdown(rows),
        "trained": markdown(pd.DataFrame(trained)) if trained else "",
        "folds_and_pairs": f"{pairs['fold'].nunique()} folds, {len(pairs)} pairs",
        "scores": markdown(scores),
        "ablations": markdown(in_points(tables["ablations"])) if "ablations" in tables else "",
        "sites": markdown(tables["sites"]) if "sites" in tables else "",
        "encoders": ", ".join(f"{modality} encoder {name}" for modality, name in used.items()).capitalize() + pooled,
        "research_weights": " and ".join(foreign) if trained else "",
    }


def in_points(ablations: pd.DataFrame) -> pd.DataFrame:
    """The table `Ablations` with its differences in points and words."""
    points = with_limits(limits(ablations, "difference") * 100, 1, "+")
    measured = ["change", "changed", "pairs", "n", "accuracy", "accuracy_changed", "lost", "gained", "p_corrected"]
    shown = ablations[measured]
    return shown.assign(points=points).set_axis(row_names(ablations)).rename_axis("row").reset_index()


def run_times(logs: Path) -> pd.DataFrame:
    """Seconds and peak memory (MB) of the jobs of each rule, from what Snakemake and the jobs leave in `logs`."""
    named = measured_jobs(logs).groupby("rule").agg(
        jobs=("seconds", "size"), mean_seconds=("seconds", "mean"), longest=("seconds", "max"),
        minutes_in_all=("seconds", lambda seconds: seconds.sum() / 60), peak_mb=("MB", "max"),
    )  # fmt: skip
    return named.round(2).sort_values("minutes_in_all", ascending=False).reset_index()


def measured_jobs(logs: Path) -> pd.DataFrame:
    """The rule, seconds and peak memory (MB) of each job that has left a benchmark in the logs of a study.

    Its log tells the memory: where jobs are forked from another process, Snakemake measures who waits for them.
    """
    records = []
    for path in sorted(logs.rglob("*.benchmark.tsv")):
        seconds = pd.read_csv(path, sep="\t")["s"].max()
        log = path.with_name(path.name.replace(".benchmark.tsv", ".log"))
        used = USAGE.findall(log.read_text(encoding="utf-8")) if log.exists() else []
        rule = path.relative_to(logs).parts[0].removesuffix(".benchmark.tsv")
        records.append({"rule": rule, "seconds": seconds, "MB": float(used[-1]) if used else float("nan")})
    return pd.DataFrame(records, columns=["rule", "seconds", "MB"]).astype({"seconds": float, "MB": float})


def flat(settings: dict[str, Any]) -> pd.DataFrame:
    """Nested settings as a table of dotted keys and values."""
    return pd.DataFrame(_leaves(settings), columns=["setting", "value"])


def _leaves(settings: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(value)


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown; missing values are empty."""
    shown = table.astype(object).where(table.notna(), "")
    escaped = shown.map(lambda value: value.replace("|", "\\|") if isinstance(value, str) else value)
    return escaped.to_markdown(index=False, disable_numparse=True)
