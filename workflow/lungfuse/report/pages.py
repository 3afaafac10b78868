"""What a report says in words: a data card, a model card, the settings, run times, and tables as pages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from cyclopts import Parameter
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from lungfuse import __version__
from lungfuse.compare.subsets import read_structured
from lungfuse.files import atomic_write
from lungfuse.hardware import USAGE
from lungfuse.parameters import Several, options
from lungfuse.report.cards import about_columns, about_data, about_models, markdown
from lungfuse.report.style import heading
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.by_name import read_by_name
from lungfuse.tables.comparison import Comparison
from lungfuse.tables.ingest import Columns, Funnel, Pairs, Rejected
from lungfuse.tasks import load_task

TEMPLATES = Environment(
    loader=PackageLoader("lungfuse.report"),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
SettingsAsJson = Annotated[
    Study,
    Parameter(converter=lambda _, tokens: Study.model_validate_json(tokens[0].value), accepts_keys=False, n_tokens=1),
]


@options
class Files:
    """What the pages tell of.

    Parameters
    ----------
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
    check_page
        The data check as a page.
    predictions
        Out-of-fold predictions, one file a row of the comparison, in the same order.
    tables
        Further tables of the study, of those that `lungfuse.tables.OF_SOME_STUDIES` names.
    tokenizer
        That of the text encoder, where a row has one; tells which texts it cuts.
    structured
        Values of the structured columns of the pairs, where the study has some.
    structured_columns
        What these columns are.
    logs
        Folder of the logs and benchmarks of jobs; those that are not here are left out of the run times.
    """

    funnel: Path
    pairs: Path
    rejected: Path
    comparison_table: Path
    comparison_page: Path
    check_page: Path
    predictions: Several[Path]
    tables: Several[Path] = ()
    tokenizer: Path | None = None
    structured: Path | None = None
    structured_columns: Path | None = None
    logs: Path


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    data_card
        Output: Markdown.
    model_card
        Output: Markdown.
    pages
        Output: folder of the HTML pages.
    """

    data_card: Path
    model_card: Path
    pages: Path


def main(
    *,
    title: str,
    settings: SettingsAsJson,
    files: Files,
    outputs: Outputs,
) -> None:
    """Write the cards of a study as Markdown, and them and the tables as HTML.

    Parameters
    ----------
    title
        Name of the study.
    settings
        Everything that params.yaml says of it.
    files
        What the pages tell of.
    outputs
        What is written.
    """
    above = heading(title, settings.notice)
    found = read_by_name(files.tables)
    pair_table, comparison = read_table(files.pairs, Pairs), read_table(files.comparison_table, Comparison)
    task = load_task(settings.task, settings.labels)
    values = read_structured(files.structured, pair_table) if files.structured else pd.DataFrame(index=pair_table.index)
    described = read_table(files.structured_columns, Columns) if files.structured_columns else pd.DataFrame()
    shared = {
        "title": title,
        "study": settings,
        "labels": settings.labels,
        "version": __version__,
    }
    funnel, rejected = read_table(files.funnel, Funnel), read_table(files.rejected, Rejected)
    about = {
        "data_card": about_data(settings, task, pair_table, funnel, rejected, files.tokenizer)
        | about_columns(settings, task, pair_table, values, described),
        "model_card": about_models(settings, task, pair_table, comparison, files.predictions, found),
    }
    shown = {name: TEMPLATES.get_template(f"{name}.md").render(shared | content) for name, content in about.items()}
    for name, path in {"data_card": outputs.data_card, "model_card": outputs.model_card}.items():
        with atomic_write(path) as stream:
            stream.write(shown[name])
    shown["comparison"] = files.comparison_page.read_text(encoding="utf-8")
    shown["data_check"] = files.check_page.read_text(encoding="utf-8")
    found |= {"settings": flat(settings.model_dump(mode="json")), "run_times": run_times(files.logs)}
    shown |= {
        name: f"# {name.replace('_', ' ').capitalize()}: {above}\n\n{markdown(table)}" for name, table in found.items()
    }
    to_html = MarkdownIt().enable("table")
    for name, text in shown.items():
        with atomic_write(outputs.pages / f"{name}.html") as stream:
            stream.write(TEMPLATES.get_template("page.html").render(title=above, body=to_html.render(text)))


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
