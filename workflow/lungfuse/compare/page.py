"""The comparison as a page to read, in a terminal as well: no line of its tables is longer than `WIDTH`."""

from textwrap import fill

import numpy as np
import pandas as pd
from tabulate import tabulate

from lungfuse.compare.own_text import OWN_TEXT, OWN_TEXT_IS, held_apart
from lungfuse.markdown import escape, escaped
from lungfuse.modalities.image import at_places, places_of, variant_of
from lungfuse.parameters import Heading
from lungfuse.settings.comparison import ComparisonSettings, PublishedFigure
from lungfuse.statistics.gains import DRAWS
from lungfuse.tables.comparison import limits
from lungfuse.tasks import Task

WIDTH = 100  # characters
MIN_NAME = 12  # characters that are left of a name
MOST_NAMED = 14  # characters that the names of structured columns may take before they are counted
LEAST_P = 1 / (DRAWS + 1) + 1e-6  # as rounded in the tables
METRIC_IN_WORDS = {"accuracy": "accuracy", "auroc": "AUROC", "balanced_accuracy": "balanced acc.", "auprc": "AUPRC"}
METRIC_IN_WORDS |= {"quadratic_kappa": "quadratic kappa", "mae": "MAE", "rmse": "RMSE"}
METRIC_IN_WORDS |= {"concordance": "concordance", "r2": "R2"}
AGAINST_IS = (
    "Against: of the models that read a true subset of the same inputs, the one over which the gain in {metric} is "
    "smallest; p is the largest of the tests against each of them, corrected for {tests} models (max-T)."
)
TRAININGS_ARE = "; `trainings` is how often a model was trained, each time with new seeds and folds"


def render(
    task: Task, scored: pd.DataFrame, pairs: pd.DataFrame, heading: Heading, settings: ComparisonSettings
) -> str:
    """The comparison as Markdown, with what it was measured on, what is held apart, and the published figures."""
    repeats, tests = scored["repeats"].max(), scored["p_vs_best_unimodal"].notna().sum()
    metric, more = METRIC_IN_WORDS[settings.primary], beside(scored)
    ranked = METRIC_IN_WORDS[task.primary]
    positives = ", and how many of them are positive" if task.two_classes else ""
    lines = [f"# Comparison: {escape(heading.title)}"]
    if heading.notice:
        lines.append(f"**{escape(heading.notice)}**")
    lines += [
        f"{len(pairs)} pairs ({counts_in_words(task, pairs)}), {pairs['report_id'].nunique()} reports, "
        f"{pairs['group'].nunique()} groups, {pairs['fold'].nunique()} folds; "
        f"out-of-fold predictions{TRAININGS_ARE if repeats > 1 else ''}.",
        held_apart(pairs, scored["text"]),
        f"Behind each score is its {settings.confidence:.0%} interval: of the {ranked}, which is that within folds, by "
        f"the influence of groups and the spread of folds, of others by bootstrap over groups"
        f"{' and trainings' if repeats > 1 else ''}. Epochs, and the weights of late-stacked, are chosen on the "
        f"validation pairs of each fold. {task.means}",
        *map(in_markdown, score_tables(task, scored)),
    ]
    if tests:
        lines += [in_markdown(against(scored)), AGAINST_IS.format(metric=metric, tests=tests)]
    if len(more):
        lines.append(in_markdown(more))
    if "own text" in more:
        lines.append(OWN_TEXT_IS.format(positives=positives))
    lines += published(settings.published)
    return "\n\n".join(line if line[0] in "|#" else wrapped(line) for line in lines) + "\n"


def score_tables(task: Task, scored: pd.DataFrame) -> list[pd.DataFrame]:
    """What each model reads with its accuracy and AUROC, and its other metrics."""
    first = pd.DataFrame({"model": scored["row"], "reads": [reads(row) for row in scored.itertuples()]})
    if scored["repeats"].max() > 1:
        first["trainings"] = scored["repeats"]
    others = pd.DataFrame({"model": scored["row"]})
    for metric in task.scored:
        table = first if metric in task.headline else others
        table[METRIC_IN_WORDS.get(metric, metric)] = short_intervals(limits(scored, metric))
    return [first, others]


def reads(model) -> str:
    """What a model reads, from a row of the table `Comparison`: structured columns are counted where they are many."""
    variant, columns = variant_of(model.images).partition(":")[0].replace("raw", "image"), model.structured.split()
    images = at_places(variant, places_of(model.images))
    named = "+".join(columns)
    counted = named if len(named) <= MOST_NAMED else f"{len(columns)} columns"
    return ", ".join(filter(None, [images, model.text, counted])) or "nothing"


def short(value: float) -> str:
    """A share with three digits, in four characters; less of what is larger, or below zero."""
    return f"{value:.2f}" if value >= 0.9995 else f"{value:.3f}".replace("0.", ".", 1)


def short_intervals(values: pd.DataFrame) -> list[str]:
    """What `limits` gives as short as it can be: .818 .778-.855."""

    def words(value: float, low: float, high: float) -> str:
        known = "" if pd.isna(value) else short(value)
        between = " to " if min(low, high) < 0 else "-"
        return known if pd.isna([low, high]).any() else f"{known} {short(low)}{between}{short(high)}"

    return [words(*row) for row in values.itertuples(index=False)]


def against(scored: pd.DataFrame) -> pd.DataFrame:
    """The models that are compared with another, and p."""
    tested = scored[scored["p_vs_best_unimodal"].notna()]
    p = tested["p_corrected"].map(p_in_words)
    return pd.DataFrame({"model": tested["row"], "against": tested["reference"], "p": p})


def beside(scored: pd.DataFrame) -> pd.DataFrame:
    """The scores on pairs whose own text is in no training fold, and the published accuracies, where there are some."""
    some = scored[scored["n_own_text"].notna() | scored["published_accuracy"].notna()]
    table = pd.DataFrame({"model": some["row"]})
    if some["n_own_text"].notna().any():
        table["own text"] = [own_text_in_words(*row) for row in some[OWN_TEXT].itertuples(index=False)]
    if some["published_accuracy"].notna().any():
        table["published"] = some["published_accuracy"].map("{:.2f}".format, na_action="ignore")
    return table


def own_text_in_words(n: int, positives: int, value: float) -> str:
    """The columns of `OWN_TEXT` in words: a score, and in brackets of how many pairs."""
    if pd.isna(n):
        return ""
    counted = f"({n}{'' if pd.isna(positives) else f', {positives}'})"
    return f"{short(value)} {counted}" if n else "(0)"


def published(figures: list[PublishedFigure]) -> list[str]:
    """The accuracies of the study that this one rebuilds, as a list."""
    if not figures:
        return []
    lines = [
        f"- {' + '.join(filter(None, [figure.images, figure.text])) or 'nothing'}: {figure.accuracy:.2f}, "
        f"{escape(figure.basis)}"
        for figure in figures
    ]
    return ["Published accuracy of the study this one rebuilds, each on another set of pairs:", "\n".join(lines)]


def in_markdown(table: pd.DataFrame) -> str:
    """A table of at most `WIDTH` characters; the longest names are shortened in their middle where they need to be."""
    cells = escaped(table.astype(object).fillna("")).astype(str)
    longest = max(map(len, cells.to_numpy().ravel()), default=0)
    for most in range(max(longest, MIN_NAME), MIN_NAME - 1, -1):
        shown = cells.map(shortened, width=most)
        text = tabulate(shown, headers="keys", tablefmt="pipe", showindex=False, disable_numparse=True)
        if len(text.partition("\n")[0]) <= WIDTH:
            break
    return text


def shortened(name: str, width: int) -> str:
    """A name with its middle left out where it is longer than `width` characters."""
    if len(name) <= width:
        return name
    ends = width - 1
    return f"{name[: ends - ends // 2]}…{name[len(name) - ends // 2 :]}"


def wrapped(text: str) -> str:
    """Prose in lines of at most `WIDTH` characters; lines of a list stay lines."""
    parts = text.split("\n")
    indent = "  " if text.startswith("- ") else ""
    return "\n".join(fill(part, WIDTH, subsequent_indent=indent, break_on_hyphens=False) for part in parts)


def counts_in_words(task: Task, pairs: pd.DataFrame) -> str:
    """How many pairs are of each class, or have each label."""
    targets = task.targets(pairs)
    if task.numbers:
        least, middle, most = np.quantile(targets, [0, 0.5, 1])
        return f"{escape(task.labels[0].rpartition(' ')[0])} {least:g} to {most:g}, median {middle:g}"
    if task.two_classes:
        return f"{int(targets.sum())} positive"
    found = task.one_against_rest(targets, np.zeros((len(pairs), len(task.columns("score")))), targets)
    return ", ".join(f"{int(each.label.sum())} {escape(each.name)}" for each in found)


def p_in_words(p: float) -> str:
    """A corrected p; a limit where no draw was as extreme, so that no less can be said."""
    if pd.isna(p):
        return ""
    return f"≤ {LEAST_P:.5f}" if p <= LEAST_P else "< 0.001" if p < 0.001 else f"{p:.4f}"
