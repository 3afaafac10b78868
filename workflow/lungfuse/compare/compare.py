"""Out-of-fold predictions of every model to one comparison table."""

import json
from pathlib import Path

import pandas as pd

from lungfuse.compare.own_text import with_own_text
from lungfuse.compare.page import render
from lungfuse.compare.results import Compared, Results
from lungfuse.compare.scores import as_columns, score_with_intervals
from lungfuse.compare.verdicts import Scored, as_one, judge
from lungfuse.files import atomic_write
from lungfuse.models import kind_spec
from lungfuse.models.naming import named
from lungfuse.parameters import Heading, options
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.statistics.gains import MIN_GROUPS
from lungfuse.tables.base import write_table
from lungfuse.tables.comparison import Comparison
from lungfuse.tasks import Task


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    comparison_table
        Output: the comparison as CSV.
    comparison_page
        Output: the comparison as a page to read.
    metrics
        Output: the two first scores by model, JSON, for `dvc metrics`.
    """

    comparison_table: Path
    comparison_page: Path
    metrics: Path


def main(*, heading: Heading, compared: Compared, comparison: ComparisonSettings, seed: int, outputs: Outputs) -> None:
    """Score every model on the same pairs and write the table.

    Parameters
    ----------
    heading
        What stands above.
    compared
        The models of the table.
    comparison
        Confidence, number of resamples and published figures.
    seed
        Seed of the resampling.
    outputs
        What is written.
    """
    results = Results(compared)
    scored = with_own_text(compare(results, comparison, seed), results)
    if comparison.timings:
        folders = map(results.layout.model_folder, results.names)
        scored["seconds_per_epoch"] = [seconds_per_epoch(folder) for folder in folders]
    scored["encoders"] = encoder_names(results.models)
    write_table(scored, outputs.comparison_table, Comparison)
    page = render(results.task, scored, results.pairs, heading, comparison)
    with atomic_write(outputs.comparison_page) as stream:
        stream.write(page)
    by_model = scored.set_axis(results.names)[list(results.task.headline)]
    with atomic_write(outputs.metrics) as stream:
        by_model.to_json(stream, orient="index", indent=2)
    print(page)


def compare(results: Results, settings: ComparisonSettings, seed: int) -> pd.DataFrame:
    """The comparison table: a row a model, see `lungfuse.tables.comparison.Comparison`."""
    task, names, models, joined = results.task, results.names, results.models, results.joined
    rows = zip(names, models, joined, strict=True)
    records = [{"row": name} | _record(task, model, frame, settings, seed) for name, model, frame in rows]
    for number, against in against_parts(results.scored, settings.confidence, seed).items():
        records[number] |= against
    return pd.DataFrame(records).round({"p_vs_best_unimodal": 6, "p_corrected": 6})


def against_parts(scored: Scored, confidence: float, seed: int) -> dict[int, dict]:
    """What each model with parts gains over the part with the smallest gain: its name and p, by position of the model.

    Models with an input shuffled or dropped are neither compared with others nor are they parts. With too few groups
    there is no p.
    """
    judged = [as_one(scored, [n]) for n, model in enumerate(scored.models) if not model.ablation]
    judged = [each for each in judged if each.parts]
    if not judged:
        return {}
    found = {}
    for fusion, gained in zip(judged, judge(scored, judged, confidence, seed), strict=True):
        found[fusion.models[0]] = {"reference": scored.names[fusion.parts[gained.part]]}
        if scored.effective_groups >= MIN_GROUPS:
            found[fusion.models[0]] |= {"p_vs_best_unimodal": gained.p, "p_corrected": gained.p_corrected}
    return found


def _record(task: Task, model: ModelConfig, frame: pd.DataFrame, settings: ComparisonSettings, seed: int) -> dict:
    repeats = frame["repeat"].nunique()
    record = named(model) | {"encoders": ""}
    record |= {"n": len(frame) // repeats, "repeats": repeats}
    scores = score_with_intervals(task, frame, settings.confidence, settings.resamples, seed)
    record |= as_columns(scores, task.scored)
    published = {(figure.images, figure.text): figure.accuracy for figure in settings.published}
    figure = (
        float("nan") if model.ablation or model.structured else published.get((model.images, model.text), float("nan"))
    )
    return record | {
        "reference": "",
        "p_vs_best_unimodal": float("nan"),
        "p_corrected": float("nan"),
        "seconds_per_epoch": float("nan"),
        "published_accuracy": figure,
    }


def seconds_per_epoch(folder: Path) -> float:
    """Mean seconds an epoch of the trainings in the folder of a model; NaN where it is no network."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob(f"fold*/{TRAINED_SETTINGS}"))]
    seconds = [settings["seconds_per_epoch"] for settings in found if "seconds_per_epoch" in settings]
    return round(sum(seconds) / len(seconds), 2) if seconds else float("nan")


def encoder_names(models: list[ModelConfig]) -> list[str]:
    """The encoders under each network, in the order of the modalities; of a late fusion those of its parts."""
    encoders = {model.name: model.encoders for model in models if kind_spec(model.architecture).trained}
    found = []
    for model in models:
        parts = [encoders.get(part, {}) for part in model.parts.values() if kind_spec(model.architecture).combines]
        own = {modality: name for each in [*parts, encoders.get(model.name, {})] for modality, name in each.items()}
        found.append(" + ".join(own[modality] for modality in model.inputs if modality in own))
    return found
