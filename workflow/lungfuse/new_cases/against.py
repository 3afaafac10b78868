"""Whether a trained model ranks cases whose classes are known better than others.

The models are fixed and all cases are one fold. So an error is that of the cases alone, by group (DeLong's components),
and says nothing of how much trainings differ.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from lungfuse.compare.by_fold import by_fold
from lungfuse.compare.page import METRIC_IN_WORDS
from lungfuse.compare.verdicts import Scored, is_part, verdict_of
from lungfuse.errors import UserError
from lungfuse.models.naming import sources_of
from lungfuse.new_cases.truth import CONFIDENCE, SEED, of_known
from lungfuse.predict.predictor import Predictor
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.gains import MARGIN, MIN_GROUPS, smallest_gains
from lungfuse.tasks import Task

ALL = "all"  # in the column `against`: every one of the models
COLUMNS = ["model", "against", "word", "gain", "gain_low", "gain_high", "margin", "p_margin", "p", "p_corrected"]
COLUMNS += ["n", "groups", "effective_groups"]


def verdicts_of(
    task: Task, models: dict[str, ModelConfig], known: pd.DataFrame, scores: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """What the first of some models gains in the primary score over each of the others: one row each.

    Limits and `p_corrected` hold for all of the others at once (max-T). Where each of them reads a true subset of the
    inputs of the first, a row `all` has the smallest gain, as the verdict of a study: the first beats all of them if it
    beats each (intersection-union test).

    Parameters
    ----------
    models
        The models by name.
    known
        The labels and group of each case, see `read_truth`.
    scores
        The score columns of each model, in the order of what is known.
    """
    joined = [of_known(task, known, each) for each in scores]
    groups = pd.factorize(joined[0]["group"])[0]
    trainings = [by_fold(task, each) for each in joined]
    scored = Scored([*models], [*models.values()], trainings, [], groups, task.primary)
    gains = [scored.gain(trainings[0], each) for each in trainings[1:]]
    first, *others = scored.models
    found = smallest_gains([[each] for each in gains], scored.degrees, CONFIDENCE, SEED)
    names = scored.names[1:]
    if not first.ablation and all(is_part(other, sources_of(first)) for other in others):
        found += smallest_gains([gains], scored.degrees, CONFIDENCE, SEED)
        names = [*names, ALL]
    counts = {"n": len(groups), "groups": len(set(groups)), "effective_groups": round(scored.effective_groups, 1)}
    records = [
        {"model": scored.names[0], "against": name} | verdict_of(scored, gained, MARGIN) | counts
        for name, gained in zip(names, found, strict=True)
    ]
    return pd.DataFrame(records, columns=COLUMNS).round(6)


def in_words(verdicts: pd.DataFrame, metric: str = "auroc") -> str:
    """What a table of `verdicts_of` rests on."""
    first = verdicts.iloc[0]
    said = (
        f"{first['n']:,} cases, {first['effective_groups']:g} effective groups, margin {first['margin']:g} of "
        f"{METRIC_IN_WORDS[metric]}. "
    )
    if first["effective_groups"] < MIN_GROUPS:
        said += f"With fewer than {MIN_GROUPS} effective groups there is no interval. "
    else:
        said += f"Intervals of {CONFIDENCE:.0%} by group, corrected for the models compared (max-T). "
    if ALL in list(verdicts["against"]):
        said += "Row all: the smallest of these gains, for a model that beats every one of them. "
    return said + "The models are fixed: how much trainings differ is not in the errors."


def names_of(predictors: Sequence[Predictor]) -> list[str]:
    """The names of models, or their folders where two models have one name."""
    names = [each.config.name for each in predictors]
    return names if len({*names, ALL}) > len(names) else [str(each.folder) for each in predictors]


def check_comparable(first: Predictor, others: Sequence[Predictor]) -> None:
    """See that models are different ones, and predict the same.

    Raises:
        UserError: one is given twice, or is of another task or other labels than the first.
    """
    seen = {first.folder.resolve()}
    for other in others:
        if other.folder.resolve() in seen:
            raise UserError(f"--against: {other.folder}: is given twice, expected different models. Leave it out.")
        seen.add(other.folder.resolve())
        if (other.config.task, other.labels) != (first.config.task, first.labels):
            raise UserError(
                f"--against: {other.folder}: is of the task {_asked(other)}, expected that of {first.folder}: "
                f"{_asked(first)}. Leave it out, or name models of one study."
            )


def check_classes(task: Task, known: pd.DataFrame, truth: str, source: Path) -> None:
    """See that some label has both classes among the cases, without which there is no AUROC.

    Raises:
        UserError: none has.
    """
    if (known[task.columns("label")].nunique() < 2).all():
        raise UserError(
            f"{source}: column {truth}: all known cases are of one class, expected two for an AUROC. Add cases of "
            "another class, or leave --against out."
        )


@contextmanager
def named_in_errors(predictor: Predictor) -> Iterator[None]:
    """An error that a user can fix names the folder of the model."""
    try:
        yield
    except UserError as error:
        if str(predictor.folder) in str(error):
            raise
        raise type(error)(f"{predictor.folder}: {error}") from error


def _asked(predictor: Predictor) -> str:
    return f"{predictor.config.task} with the labels {', '.join(predictor.labels)}"
