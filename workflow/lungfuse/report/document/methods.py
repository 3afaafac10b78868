"""What the methods, limits and instructions of a document say, from the settings and tables of a study."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from lungfuse import __version__
from lungfuse.compare.page import METRIC_IN_WORDS
from lungfuse.datasets import load_dataset
from lungfuse.encoders import Random, encoder_spec
from lungfuse.modalities import in_order
from lungfuse.models import kind_spec
from lungfuse.report.cards import used_encoders
from lungfuse.report.document.answer import is_control, points
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.study import Study
from lungfuse.words import counted, joined

KINDS = {  # of models, in the words of the field
    "baseline": ("baseline", "baselines"),
    "probe": ("linear probe", "linear probes"),
    "classical": ("classical model of fused features", "classical models of fused features"),
    "unimodal": ("network of one input", "networks of one input"),
    "fusion": ("fusion network", "fusion networks"),
    "late": ("late fusion", "late fusions"),
}
LEAKS = "giveaway"  # the kind of findings of the data check that say what predicts the label by itself
VERSIONS, MACHINES, RAW = ["version"], ["machine"], ["raw file", "raw folder", "differs"]


def about_methods(study: Study, models: list[ModelConfig], comparison: pd.DataFrame) -> dict[str, Any]:
    """What the template of the methods asks for."""
    used = used_encoders(models)
    repeats = comparison["repeats"]
    return {
        "metric": METRIC_IN_WORDS[study.comparison.primary],
        "margin": points(study.comparison.margin),
        "confidence": f"{study.comparison.confidence:.0%}",
        "kinds": kinds_in_words(models),
        "encoders": [f"{modality}: {joined(names)}" for modality, names in used.items()],
        "pretrained": [name for names in used.values() for name in names if is_pretrained(name)],
        "n_models": len(models),
        "trains": any(model.train for model in models),
        "trainings": f"{repeats.min()} to {repeats.max()}" if repeats.nunique() > 1 else f"{repeats.max()}",
        "most_trainings": int(repeats.max()),
        "texts": list(dict.fromkeys(model.text for model in models if model.text)),
        "columns": list(dict.fromkeys(name for model in models for name in model.structured)),
        "redacted": list(dict.fromkeys(model.text for model in models if model.redact_terms)),
        "modalities": in_order(study.modalities),
        "required": study.filter.required,
        "epochs": sorted({model.train.epochs for model in models if model.train}),
    }


def is_pretrained(encoder: str) -> bool:
    return not isinstance(encoder_spec(encoder).source, Random)


def kinds_in_words(models: list[ModelConfig]) -> str:
    """How many models of each kind there are, and their architectures."""
    kinds = [(kind_spec(model.architecture).name, model.architecture) for model in models]
    counts = Counter(kind for kind, _ in kinds)
    words = []
    for kind, (one, many) in KINDS.items():
        names = list(dict.fromkeys(architecture for each, architecture in kinds if each == kind))
        words += [f"{counted(counts[kind], one, many)} ({', '.join(names)})"] if counts[kind] else []
    return joined(words)


def about_data(study: Study, funnel: pd.DataFrame) -> dict[str, Any]:
    """Where the cases are from, and how many there are."""
    counts = funnel.set_index("step")["count"]
    return {
        "source": load_dataset(study.dataset, study.table).SOURCE,
        "pairs": int(counts["pairs"]),
        "groups": int(counts["groups of pairs"]),
        "reports": int(counts["reports of pairs"]),
        "control": is_control(study),
    }


def about_groups(study: Study, check: pd.DataFrame) -> dict[str, Any]:
    """What the cases of a group share, in words, and whether patients are identified, as the data check found."""
    found_none = ((check["kind"] == "patients") & (check["subject"] == "unknown")).any()
    identified = not found_none and (study.table is None or study.table.patient is not None)
    shared = {"patient": "a patient"} if identified else {}
    shared |= {"text": "a text"} if "text" in study.modalities else {}
    shared |= {"column": f"a value of {joined(study.table.group_by)}"} if study.table and study.table.group_by else {}
    shared |= {"image": "the look of their images"}
    used = [words for name, words in shared.items() if name in study.filter.group_by]
    return {"shared_in_group": " or ".join(used), "patients": identified and "patient" in study.filter.group_by}


def about_limits(check: pd.DataFrame, verdict: pd.DataFrame | None) -> dict[str, Any]:
    """What the data check warns of, and which verdicts are open."""
    words = verdict["word"] if verdict is not None else pd.Series(dtype=str)
    return {
        "warnings": check[check["severity"] != "note"].to_dict("records"),
        "leaks": check[(check["kind"] == LEAKS) & (check["severity"] != "note")].to_dict("records"),
        "leaks_noted": int(((check["kind"] == LEAKS) & (check["severity"] == "note")).sum()),
        "open": int((words == "inconclusive").sum()),
        "leak_checks": [] if verdict is None else verdict.loc[verdict["leak_check"], "known"].tolist(),
        "effective": "" if verdict is None or verdict.empty else f"{verdict['effective_groups'].min():.0f}",
    }


def about_reruns(provenance: Path | None) -> dict[str, Any]:
    """How a study is run again: its command, commit, raw files and versions, where they are recorded."""
    columns = ["what", "name", "value", "sha256"]
    table = pd.read_csv(provenance, dtype=str, keep_default_na=False) if provenance else pd.DataFrame(columns=columns)
    of = {what: rows.to_dict("records") for what, rows in table.groupby("what", sort=False)}
    return {
        "lungfuse": __version__,
        "commit": next((row["value"] for row in of.get("commit", [])), ""),
        "versions": [row for what in VERSIONS for row in of.get(what, [])],
        "machines": [row for what in MACHINES for row in of.get(what, [])],
        "raw": [row for what in RAW for row in of.get(what, [])],
    }
