"""The gate of retraining: what a model that has learned from added cases must show before it becomes active.

Three questions, each with a refusal in words. Do the added cases look sound, beside the study and by themselves? Are
they learnable, so that their labels are not of other cases? And is the new model, on the study's own cases and in their
folds, not worse than the active one by the margin of the study? The last is paired and out of fold, by the statistics
of the study's verdicts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import binom

from lungfuse.check.checked import Checked
from lungfuse.check.univariate import Score, score_column
from lungfuse.check.words import whole_text
from lungfuse.compare.by_fold import by_fold, groups_of
from lungfuse.compare.scores import primary_with_limits
from lungfuse.duplicates.copies import same_images, same_texts
from lungfuse.ingest.gate import stops_of
from lungfuse.statistics.gains import (
    MIN_GROUPS,
    degrees_of_freedom,
    effective_groups,
    gain,
    smallest_gains,
    word,
)
from lungfuse.tasks import Task

LEAK, RISE = 0.9, 0.1  # AUROC of an input by itself in the added cases, and how much more than in the study
ERRORS = 3.0  # standard errors of it
DRIFT = 0.1  # of AUROC, that added cases may be harder than those of the study
UNLIKELY = 1e-3  # chance of as many twins, by their share in the study
LEAST_VALUES, LEAST_WORDS = 3, 8  # of a case that is said to be another's twin


@dataclass(frozen=True)
class Refusal:
    """Why an update does not become active; `kind` is check, duplicates, leak, labels, few or worse."""

    kind: str
    text: str


@dataclass(frozen=True)
class Rules:
    """What the study says of its comparison."""

    metric: str
    margin: float
    confidence: float
    seed: int


@dataclass(frozen=True)
class Trial:
    """The out-of-fold predictions of the active and the new model on the study's cases, and of the new one on the added
    ones, each as `lungfuse.compare.scores.join_predictions` gives them."""

    before: pd.DataFrame
    after: pd.DataFrame
    added: pd.DataFrame


def data_refusals(data: Checked, added: np.ndarray, findings: pd.DataFrame, allow: list[str]) -> list[Refusal]:
    """What speaks against added cases before anything is trained.

    `data` are the study's cases with the added ones, which `added` marks, bool of (case,); `findings` is what the data
    check finds in them, `allow` what the study allows of that.
    """
    found = [Refusal("check", f"{each.found} {each.effect}") for each in stops_of(findings, allow).itertuples()]
    groups = data.cases["group"][added].nunique()
    if groups < MIN_GROUPS:
        found.append(
            Refusal("few", f"The added cases are of {groups} patients; {MIN_GROUPS} are needed to judge them.")
        )
    return [*found, *_twins(data, added), *_leaks(data, added)]


def _twins(data: Checked, added: np.ndarray) -> Iterator[Refusal]:
    """Added cases that repeat a case of another patient: more than chance explains, or any with the same image."""
    for what, twin in twins_of(data).items():
        count, total = int(twin[added].sum()), int(added.sum())
        usual = max(float(twin[~added].mean()), 1 / max(int((~added).sum()), 1)) if what != "image" else 0.0
        if count and binom.sf(count - 1, total, usual) < UNLIKELY:
            yield Refusal(
                "duplicates",
                f"{count} of {total} added cases have the same {what} as a case of another patient. Such a case is "
                "tested by a model that has learned it. Give both the same patient, or leave one out.",
            )


def twins_of(data: Checked) -> dict[str, np.ndarray]:
    """By what is the same, whether each case has a twin in another group; bool of (case,).

    Values count where a case has several; those that few values can be are shared by chance.
    """
    groups, found = data.cases["group"].to_numpy(), {}
    if data.pictures is not None and len(data.pictures) > 1:
        found["image"] = _across(same_images(data.pictures).same, groups)
    for section in data.read("text"):
        if section in data.texts:
            long = data.texts[section].where(data.texts[section].str.count(" ") >= LEAST_WORDS - 1, "")
            found[section] = _across(same_texts(long).same, groups)
    names = data.read("structured")
    known = data.values[names] if names else pd.DataFrame(index=data.cases.index)
    if len(names) >= LEAST_VALUES:
        keys = (known + "\n").sum(axis=1).mask((known != "").sum(axis=1) < LEAST_VALUES)
        number = pd.factorize(keys)[0]
        of_key = pd.Series(groups).groupby(number).transform("nunique").to_numpy()
        found["values"] = (number >= 0) & (of_key > 1)
    return found


def _across(pairs: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which cases are in a pair of two groups."""
    marked = np.zeros(len(groups), bool)
    marked[pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]].ravel()] = True
    return marked


def _leaks(data: Checked, added: np.ndarray) -> Iterator[Refusal]:
    """Inputs that predict the label in the added cases far better than they do in the study."""
    study, new = subset(data, ~added), subset(data, added)
    if not (study.has_classes and new.has_classes):
        yield Refusal("labels", "The added cases are all of one class: nothing shows that models can distinguish them.")
        return
    for name in data.read("structured"):
        yield from _rise(f"The column {name}", *(_of_column(each, name) for each in (study, new)))
        if (new.values[name] == "").any():
            yield from _rise(f"Whether {name} is known", *(_of_absence(each, name) for each in (study, new)))
    for name in data.read("text"):
        if name in study.texts and name in new.texts:
            before, after = (whole_text(each.texts[name].to_numpy(object), each.outcomes) for each in (study, new))
            if before is not None and after is not None:
                yield from _rise(f"The text {name}", before, after)


def subset(data: Checked, chosen: np.ndarray) -> Checked:
    """Some of the cases, without their images; `chosen` is bool of (case,)."""
    cases, values = (table[chosen].reset_index(drop=True) for table in (data.cases, data.values))
    return replace(data, cases=cases, values=values, pictures=None, scores=[], details=[])


def _of_column(data: Checked, name: str) -> Score:
    return score_column(data.values[name], data.kinds[name], data.outcomes)


def _of_absence(data: Checked, name: str) -> Score:
    return score_column((data.values[name] == "").map({True: "missing", False: "known"}), "category", data.outcomes)


def _rise(what: str, before: Score, after: Score) -> Iterator[Refusal]:
    """A refusal where an input predicts a class beyond what it does in the study, and chance."""
    rise = np.where(after.auroc >= LEAK, after.auroc - before.auroc, 0.0)
    place = int(np.nan_to_num(rise).argmax())
    if rise[place] > max(RISE, ERRORS * after.errors[place]):
        yield Refusal(
            "leak",
            f"{what} predicts {after.names[place]} by itself with AUROC {after.auroc[place]:.2f} in the added cases, "
            f"{before.auroc[place]:.2f} in the study. It may say the label outright, as no new case will.",
        )


def judge(task: Task, trial: Trial, rules: Rules) -> tuple[dict[str, object], list[Refusal]]:
    """What a new model has shown, as numbers, and what speaks against it."""
    before, after = (by_fold(task, each, rules.metric) for each in (trial.before, trial.after))
    groups = np.unique(groups_of(trial.before), return_inverse=True)[1]
    (gained,) = smallest_gains(
        [[gain(after, before, groups)]], degrees_of_freedom(groups), rules.confidence, rules.seed
    )
    enough = effective_groups(groups) >= MIN_GROUPS
    low, high = (gained.low, gained.high) if enough else (float("nan"), float("nan"))
    learned, (usual, _, _) = (
        primary_with_limits(task, pooled(task, each), rules.confidence) for each in (trial.added, trial.after)
    )
    names = ["before", "after", "gain", "gain_low", "gain_high", "added", "added_low", "added_high", "study"]
    numbers = [_mean(before), _mean(after), gained.value, low, high, *learned, usual]
    shown = {name: _plain(value) for name, value in zip(names, numbers, strict=True)}
    shown |= {"metric": rules.metric, "margin": rules.margin, "word": word(low, high, rules.margin)}
    auroc = (_plain(value) for value in primary_with_limits(task, trial.after, rules.confidence))
    shown["score"] = dict(zip(["auroc", "auroc_low", "auroc_high"], auroc, strict=True)) | {"n": len(groups)}
    shown |= {"cases": len(trial.added) // trial.added["repeat"].nunique(), "groups": trial.added["group"].nunique()}
    return shown, [*_unlearned(learned, usual), *_worse(low, rules.margin)]


def pooled(task: Task, joined: pd.DataFrame) -> pd.DataFrame:
    """Predictions as of one fold, by their calibrated probabilities: a fold has too few of the added cases to rank."""
    scores = dict(zip(task.columns("score"), task.of("probability", joined).T, strict=True))
    return joined.assign(fold=0, **scores)


def _mean(trainings: list) -> float:
    return float(np.mean([each.value for each in trainings]))


def _plain(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _unlearned(learned: tuple[float, float, float], usual: float) -> Iterator[Refusal]:
    value, low, high = learned
    if not low > 0.5:
        yield Refusal(
            "labels",
            f"The new model does not distinguish the added cases, even having learned from others of them (AUROC "
            f"{value:.2f}, {low:.2f} to {high:.2f}). Their labels may be of other cases, or too few are added.",
        )
    elif high < usual - DRIFT:
        yield Refusal(
            "labels",
            f"The added cases are ranked far worse (AUROC {value:.2f}, at most {high:.2f}) than those of the study "
            f"({usual:.2f}). Some of their labels may be wrong.",
        )


def _worse(low: float, margin: float) -> Iterator[Refusal]:
    if not low > -margin:
        yield Refusal(
            "worse",
            f"On the study's own cases the new model may be worse than the active one by more than the margin of "
            f"{100 * margin:g} points: the interval of its gain begins at {100 * low:+.1f}.",
        )
