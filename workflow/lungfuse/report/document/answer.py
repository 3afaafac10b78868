"""The question of a study, and its answer in the words of its verdict."""

import re
from typing import NamedTuple

import pandas as pd

from lungfuse.compare.page import METRIC_IN_WORDS, p_in_words
from lungfuse.modalities import in_order
from lungfuse.report.style import MOST_COLUMNS_NAMED
from lungfuse.settings.study import Study
from lungfuse.statistics.gains import MIN_GROUPS
from lungfuse.words import counted, joined

CONTROL = "demo"  # the dataset that is made so that fusion can win
MOST_LABELS = 6  # that a question names
LATE = re.compile(r" (with the report|after the outcome)$")
IN_WORDS = {"structured": "structured columns"}


class Verdict(NamedTuple):
    """A row of the table `Verdict` in words: what is fused, the word, the numbers, and what has to be said beside."""

    inputs: str
    word: str
    leak_check: bool
    numbers: str
    beware: str


def question(study: Study) -> str:
    """What a study asks, as a title."""
    read = joined([IN_WORDS.get(name, name) for name in in_order(study.modalities)])
    labels = study.labels
    if study.task == "regression":
        labels = labels[:1]
    asked = f"{len(labels)} labels" if len(labels) > MOST_LABELS else joined(labels).replace(" and ", " or ")
    if len(study.modalities) == 1:
        return f"How well does {read} predict {asked}?"
    return f"Does fusing {read} predict {asked} better than the best of its parts?"


def answer(table: pd.DataFrame | None, comparison: pd.DataFrame, study: Study) -> str:
    """The answer in a sentence or two; `table` is a `Verdict`, where models fuse inputs."""
    if table is None or table.empty:
        return without_fusion(comparison, study)
    answers = table[~table["leak_check"]]
    if answers.empty:
        both = "These are leak checks: they measure" if len(table) > 1 else "This is a leak check: it measures"
        return f"{words_of(table)} {both} how much a text leaks, not what fusion adds."
    return words_of(answers)


def words_of(table: pd.DataFrame) -> str:
    """What is fused with its gain, and the word of each; those that are answered alike share it."""
    alike: dict[str, list[str]] = {}
    for row in table.itertuples():
        alike.setdefault(phrase(row), []).append(f"{named(row.inputs)} ({signed(row.gain)} points)")
    found = [f"{joined(fused, 'or')} is {said}" for said, fused in alike.items()]
    return f"Fusing {'; fusing '.join(found)}."


def phrase(row) -> str:
    """The word of a verdict in a sentence, and what its interval excludes where it is inconclusive."""
    margin = points(row.margin)
    if row.word == "inconclusive":
        if row.gain_high < row.margin:
            return f"inconclusive: a gain of {margin} points is excluded"
        if row.gain_low > -row.margin:
            return f"inconclusive: a loss of {margin} points is excluded"
        return "inconclusive: the data show neither a gain nor its absence"
    within = f" within {margin} points" if row.word == "equivalent" else ""
    return f"{row.word} {'to' if within else 'than'} the best of its parts{within}"


def without_fusion(comparison: pd.DataFrame, study: Study) -> str:
    """The best model, where none fuses inputs."""
    scores = comparison[study.comparison.primary]
    if scores.isna().all():
        return "No model of this study fuses inputs."
    metric = METRIC_IN_WORDS[study.comparison.primary]
    return f"No model of this study fuses inputs. The highest {metric} is {scores.max():.3f}, of " + (
        f"{comparison['row'][scores.idxmax()]}."
    )


def verdicts(table: pd.DataFrame, study: Study) -> list[Verdict]:
    """Every row of the table `Verdict`: what answers the question before leak checks."""
    rows = table.sort_values("leak_check", kind="stable").itertuples()
    return [Verdict(named(row.inputs), row.word, row.leak_check, numbers(row, study), beware(row)) for row in rows]


def numbers(row, study: Study) -> str:
    """What the word of a verdict rests on."""
    metric = METRIC_IN_WORDS.get(row.metric, row.metric)
    interval = f"{signed(row.gain_low)} to {signed(row.gain_high)}; p {of_p(row.p_corrected)}"
    limits = f" ({study.comparison.confidence:.0%} interval {interval})" if pd.notna(row.gain_low) else ""
    above = (
        f", probability {row.p_margin:.2f} of more than {points(row.margin)} points" if pd.notna(row.p_margin) else ""
    )
    return (
        f"{metric} {row.fusion_value:.3f} ({row.fusion}) against {row.part_value:.3f} ({row.part}), a gain of "
        f"{signed(row.gain)} points{limits}{above}; {row.n:,} cases in {counted(row.groups, 'group')}, "
        f"{row.effective_groups:.0f} effective."
    )


def beware(row) -> str:
    """Warnings on a verdict."""
    found = []
    if row.leak_check:
        late = joined([LATE.sub("", part) for part in row.known.split("; ") if LATE.search(part)])
        found.append(f"Leak check: {late} came with the report or after it, so a gain measures a leak.")
    if row.part in row.not_above_majority.split():
        found.append(f"{row.part} itself is not shown to be better than always predicting the majority class.")
    if row.effective_groups < MIN_GROUPS:
        found.append(f"Fewer than {MIN_GROUPS} effective groups: no interval and no p.")
    return " ".join(found)


def is_control(study: Study) -> bool:
    """Whether a study is the positive control."""
    return study.dataset == CONTROL


def named(inputs: str) -> str:
    """The inputs of a verdict, with columns counted where they are many."""
    parts = inputs.split(" + ")
    counts = [part.count(",") + 1 for part in parts]
    shown = zip(parts, counts, strict=True)
    return " + ".join(f"{count} columns" if count > MOST_COLUMNS_NAMED else part for part, count in shown)


def points(value: float) -> str:
    return f"{100 * value:.1f}".removesuffix(".0")


def signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")


def of_p(p: float) -> str:
    """p behind its letter: = 0.0021, < 0.001."""
    words = p_in_words(p)
    return words if words[:1] in "<≤" else f"= {words}"
