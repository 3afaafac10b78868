"""What a report says in words: a data card, a model card, the comparison, the data check, the settings, run times."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lungfuse import __version__
from lungfuse.compare.results import Compared, Results
from lungfuse.compare.subsets import read_structured
from lungfuse.files import atomic_write
from lungfuse.hardware import USAGE
from lungfuse.markdown import Markdown
from lungfuse.parameters import options
from lungfuse.report.cards import about_columns, about_data, about_models, about_pretraining
from lungfuse.report.layout import IN_MARKDOWN, as_html, table_page
from lungfuse.report.style import heading
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Ablations, Comparison, PerLabel, Sites
from lungfuse.tables.ingest import Columns, Funnel, Rejected
from lungfuse.tables.segmentation import Segmentation

PAGES = {  # name: section of the report, place in it, title
    "data_check": ("Data", 2, "Data check"),
    "data_card": ("Cards", 1, "Data card"),
    "segmentation": ("Masks", 1, "Segmenters"),  # where segmenters are trained
    "comparison": ("Results", 2, "Models"),
    "run_times": ("Training", 2, "Run times"),
    "model_card": ("Cards", 2, "Model card"),
    "settings": ("Settings and versions", 1, "Settings"),
}
ABOVE = {  # what stands above the table of a page
    "segmentation": "Scores on held-out patients of each site: means over patients, with intervals by bootstrap.",
    "run_times": "What the jobs of each rule took, on the machines that ran them, and the most memory one of them used "
    "(MB). Jobs that ran elsewhere and left no benchmark here are not in it.",
    "settings": "Everything that params.yaml says of this study: its own entry laid over the defaults.",
}


@options
class Files:
    """What the pages are about.

    Parameters
    ----------
    funnel
        What is left after each filter.
    rejected
        What could not be used.
    comparison_table
        Models and their scores.
    comparison_page
        The same as a page.
    check_page
        The data check as a page.
    segmentation_table
        Scores of the segmenters, where some are trained.
    per_label_table
        Scores of each label, where the study has them.
    ablations_table
        What each part is worth, where that is compared.
    sites_table
        Scores at each site, where the study has several.
    tokenizer
        That of the text encoder, where a network has one; shows which texts it cuts.
    structured
        Values of the structured columns of the pairs, where the study has some.
    structured_columns
        What these columns are.
    pretrained
        What image encoders have learned from other patients, where models start so.
    logs
        Folder of the logs and benchmarks of jobs; those that are not here are left out of the run times.
    """

    funnel: Path
    rejected: Path
    comparison_table: Path
    comparison_page: Path
    check_page: Path
    segmentation_table: Path | None = None
    per_label_table: Path | None = None
    ablations_table: Path | None = None
    sites_table: Path | None = None
    tokenizer: Path | None = None
    structured: Path | None = None
    structured_columns: Path | None = None
    pretrained: list[Path] | None = None
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
    compared: Compared,
    settings: Study,
    files: Files,
    outputs: Outputs,
) -> None:
    """Write the cards of a study as Markdown, and them and the tables as HTML.

    Parameters
    ----------
    compared
        The models of the comparison.
    settings
        Everything that params.yaml says of it.
    files
        What the pages show.
    outputs
        What is written.
    """
    title, results = compared.study, Results(compared)
    above = heading(title, settings.notice)
    tables = {"per_label": PerLabel, "ablations": Ablations, "sites": Sites}
    paths = {name: getattr(files, f"{name}_table") for name in tables}
    found = {name: read_table(path, tables[name]) for name, path in paths.items() if path}
    pair_table, comparison = results.pairs, read_table(files.comparison_table, Comparison)
    task = results.task
    values = read_structured(files.structured, pair_table) if files.structured else pd.DataFrame(index=pair_table.index)
    described = read_table(files.structured_columns, Columns) if files.structured_columns else pd.DataFrame()
    shared = {
        "title": Markdown(title),
        "study": settings,
        "labels": settings.labels,
        "version": __version__,
    }
    funnel, rejected = read_table(files.funnel, Funnel), read_table(files.rejected, Rejected)
    about = {
        "data_card": about_data(settings, task, pair_table, funnel, rejected, files.tokenizer)
        | about_columns(settings, task, pair_table, values, described),
        "model_card": about_models(settings, results, comparison, found)
        | {"pretrained": about_pretraining(files.pretrained or [])},
    }
    shown = {name: IN_MARKDOWN.get_template(f"{name}.md").render(shared | content) for name, content in about.items()}
    for name, path in {"data_card": outputs.data_card, "model_card": outputs.model_card}.items():
        _write(path, shown[name])
    shown["comparison"] = files.comparison_page.read_text(encoding="utf-8")
    shown["data_check"] = files.check_page.read_text(encoding="utf-8")
    for name, text in shown.items():
        _write(outputs.pages / f"{name}.html", as_html(text, above))
    listed = {"settings": flat(settings.model_dump(mode="json")), "run_times": run_times(files.logs)}
    if files.segmentation_table:
        listed["segmentation"] = read_table(files.segmentation_table, Segmentation)
    for name, table in listed.items():
        _write(outputs.pages / f"{name}.html", table_page(PAGES[name][-1], above, table, ABOVE[name]))


def _write(path: Path, page: str) -> None:
    with atomic_write(path) as stream:
        stream.write(page)


def run_times(logs: Path) -> pd.DataFrame:
    """Seconds and peak memory (MB) of the jobs of each rule, from what Snakemake and the jobs leave in `logs`."""
    named = measured_jobs(logs).groupby("rule").agg(
        jobs=("seconds", "size"), mean_seconds=("seconds", "mean"), longest=("seconds", "max"),
        minutes_in_all=("seconds", lambda seconds: seconds.sum() / 60), peak_mb=("MB", "max"),
    )  # fmt: skip
    return named.round(2).sort_values("minutes_in_all", ascending=False).reset_index()


def measured_jobs(logs: Path) -> pd.DataFrame:
    """The rule, seconds and peak memory (MB) of each job that has left a benchmark in the logs of a study.

    Its log has the memory: where jobs are forked from another process, Snakemake measures who waits for them.
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
