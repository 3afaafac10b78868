"""What each model takes: parameters, seconds an epoch, milliseconds a prediction and memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lungfuse.compare.results import Results
from lungfuse.models import kind_spec
from lungfuse.plan.features import feature_sets
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import Table, columns

TITLE, SECTION, ORDER = "Cost of models", "Training", 3
CAPTION = (
    "The cost of each model, as measured by its jobs: means over trainings, and peak memory. Parameters include "
    "frozen encoders; learned ones were trained. A prediction is of one case by one training, from pixels, numbers "
    "of words and columns, without reading files and without masks. The cost of a late fusion is the sum over its "
    "parts. The machine may have been running other jobs."
)
WANTED = ["study.comparison.timings"]
READS = ["predicted", "measured"]
SETTINGS = []
SUMMED = ["parameters", "learned_parameters", "ms_per_case"]
SHOWN = {"parameters": "parameters", "learned_parameters": "learned", "seconds_per_epoch": "seconds_per_epoch"}
SHOWN |= {"ms_per_case": "ms_per_prediction", "peak_memory_mb": "peak_memory_mb"}


class Costs(Table):
    """One row a model. What is not known of it is empty: an estimator has no epochs, and alone no parameters."""

    model: Series[str]
    images: Series[str]
    text: Series[str]
    structured: Series[str]
    row: Series[str]
    trainings: Series[int]
    parameters: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    learned: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    seconds_per_epoch: Series[float] = pa.Field(nullable=True)
    ms_per_prediction: Series[float] = pa.Field(nullable=True)
    peak_memory_mb: Series[pd.Int64Dtype] = pa.Field(nullable=True)


TABLE = Costs


def compute(results: Results, measured: list[Path]) -> pd.DataFrame:
    """The table `Costs`, from what trainings and the encoding of features have recorded."""
    trainings: dict[str, list[dict[str, Any]]] = {name: [] for name in results.names}
    for path in measured:
        if path.name == "settings.json":
            settings = json.loads(path.read_text(encoding="utf-8"))
            trainings[settings["model"]["name"]].append(taken(settings))
    models = dict(zip(results.names, results.models, strict=True))

    def of_model(name: str) -> dict[str, float]:
        parts = models[name].parts.values() if kind_spec(models[name].architecture).combines else []
        return together([of_model(part) for part in parts]) if parts else summary(trainings[name])

    table = pd.concat([results.named, pd.DataFrame(list(map(of_model, results.names)))], axis=1)
    whole = {name: table[name].round() for name in ["parameters", "learned", "peak_memory_mb"]}
    return table.assign(**whole)[columns(Costs)]


def taken(settings: dict[str, Any]) -> dict[str, float]:
    """What a training has recorded; of an estimator with what its encoders took, which a network has counted."""
    found = {name: float(settings.get(name) if settings.get(name) is not None else np.nan) for name in SHOWN}
    config = ModelConfig.model_validate(settings["model"])
    for modality in [] if config.train else config.encoders:
        made = [made.outputs["cost"] for made in feature_sets(config, modality)]
        costs = [json.loads(path.read_text(encoding="utf-8")) for path in made]
        found["parameters"] = np.nansum([found["parameters"], costs[0]["parameters"]])  # one encoder for all inputs
        found["ms_per_case"] += sum(cost["ms_per_case"] for cost in costs)
        found["peak_memory_mb"] = np.nanmax([found["peak_memory_mb"], *(cost["peak_memory_mb"] for cost in costs)])
    return found


def summary(trainings: list[dict[str, float]]) -> dict[str, float]:
    """The means over the trainings of a model, and the most memory of one."""
    if not trainings:
        return {"trainings": 0}
    each = pd.DataFrame(trainings)
    means = each.mean().round(2).to_dict()
    means["peak_memory_mb"] = each["peak_memory_mb"].max()
    return {"trainings": len(each)} | {shown: means[name] for name, shown in SHOWN.items()}


def together(parts: list[dict[str, float]]) -> dict[str, float]:
    """What several models take, one after the other."""
    each = pd.DataFrame(parts)
    sums = {SHOWN[name]: each[SHOWN[name]].sum(min_count=1) for name in SUMMED}
    return sums | {"trainings": each["trainings"].max(), "peak_memory_mb": each["peak_memory_mb"].max()}
