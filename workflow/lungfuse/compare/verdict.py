"""Where fusion beats the best of its parts: one row a set of inputs."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lungfuse.compare.contrasts import fused_inputs
from lungfuse.compare.paired import difference_with_interval, paired_p
from lungfuse.compare.scores import corrected, primary
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tables.base import columns
from lungfuse.tables.comparison import Verdict
from lungfuse.tasks import Task

SEEN = 0.02  # the difference that the cases needed are counted for
ALPHA, POWER = 0.05, 0.8


def verdict(
    task: Task,
    names: list[str],
    models: list[Row],
    joined: list[pd.DataFrame],
    validated: list[float],
    settings: ComparisonSettings,
    seed: int,
) -> pd.DataFrame:
    """The table `Verdict`, from the rows and their predictions, each in the order of the same pairs.

    Of the rows that fuse the same inputs, and of those that read one of these alone, the best is taken by `validated`,
    their primary metric on validation pairs: the pairs that the difference is measured on have no part in the choice.
    """
    records = []
    for inputs in fused_inputs(models):
        parts = [n for n, row in enumerate(models) if is_part(row, inputs)]
        if not parts:
            continue
        fused = [n for n, row in enumerate(models) if row.sources == inputs and not row.ablation]
        part, best = (max(rows, key=validated.__getitem__) for rows in [parts, fused])
        a, b = joined[best], joined[part]
        gained, low, high = difference_with_interval(task, a, b, settings.confidence, settings.resamples, seed)
        count = len(a) // a["repeat"].nunique()
        record = {"inputs": in_words(models[best]), "n": count, "metric": task.primary}
        record |= {"part": names[part], "part_value": primary(task, b)}
        record |= {"fusion": names[best], "fusion_value": primary(task, a)}
        record |= {"difference": gained, "difference_low": low, "difference_high": high}
        record |= {"p": paired_p(task, a, b, settings.resamples, seed)}
        records.append(record | {"cases_for_two_points": cases_needed(count, low, high, settings.confidence)})
    table = pd.DataFrame(records, columns=columns(Verdict))
    table["cases_for_two_points"] = table["cases_for_two_points"].astype("Int64")
    return table.assign(p_corrected=corrected(table["p"])).round(4)


def is_part(row: Row, inputs: set[str]) -> bool:
    """Whether a row reads of these inputs those of one modality, or some of them."""
    return len(row.inputs) == 1 and bool(row.sources) and row.sources < inputs


def in_words(row: Row) -> str:
    """What a row reads: image, the section of the text, structured columns."""
    images = "image" if row.images == "raw" else row.images
    return " + ".join(filter(None, [images, row.text, ", ".join(row.structured)]))


def cases_needed(count: int, low: float, high: float, confidence: float) -> int | None:
    """How many cases show a difference of two points with a power of 80 %, from the interval that `count` cases give.

    The interval of a difference shrinks with the root of the cases. None where there is no interval, or no width.
    """
    error = (high - low) / (2 * ndtri((1 + confidence) / 2))
    if not np.isfinite(error) or error <= 0:
        return None
    return int(np.ceil(count * ((ndtri(1 - ALPHA / 2) + ndtri(POWER)) * error / SEEN) ** 2))
