"""Find the trained models of the project's studies, for pages that must not load them."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from django.conf import settings
from django.db import transaction

from lungfuse.errors import UserError
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.stamps import read_stamps
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER
from lungfuse_service.catalogue.models import Study, TrainedModel

log = logging.getLogger(__name__)
MEASURES = ["n", "auroc", "auroc_low", "auroc_high"]


def project_of(model: TrainedModel) -> Path:
    """The project that a version of a model was trained in."""
    return settings.FOLDER / model.project if model.project else settings.PROJECT


def folder_of(model: TrainedModel) -> Path:
    """The folder of a trained model."""
    return project_of(model) / Layout(model.study_id).model_folder(model.name)


def find_models() -> None:
    """Enter every trained model of every study; those that are there no more are offered no more.

    A version that is new is offered in place of others; of those that are known, the one that was.
    """
    for models in sorted((settings.PROJECT / "results").glob("*/models")):
        scores, segmenter = _scores(models.parent.name), _segmenter(models)
        for predictor in _predictors(models):
            _enter(predictor, segmenter, scores)
    for model in TrainedModel.objects.filter(active=True):
        if not folder_of(model).is_dir():
            TrainedModel.objects.filter(pk=model.pk).update(active=False)


def _predictors(models: Path) -> Iterator[Predictor]:
    for folder in sorted(models.iterdir()):
        if (folder / TRAINED_SETTINGS).exists() or any(folder.glob(f"fold*/{TRAINED_SETTINGS}")):
            try:
                predictor = Predictor(folder)
                if several := _several(predictor):
                    log.warning("not offered: %s reads %s of a case", folder, several)
                elif predictor.columns:  # a model that reads nothing has nothing to say of a case
                    yield predictor
            except UserError as error:
                log.warning("not offered: %s", error)


def _several(predictor: Predictor) -> str:
    """Images or texts of which a model reads several or one of several, for which forms have no fields."""
    named = [column.name for column in predictor.columns if column.kind in ("image", "text")]
    return ", ".join(name for name in named if name not in ("image", "text"))


@transaction.atomic
def _enter(predictor: Predictor, segmenter: str, scores: dict[str, dict]) -> None:
    config, made_by = predictor.config, predictor.made_by
    name = predictor.folder.parent.parent.name
    about = {"notice": _notice(name), "task": config.task, "labels": predictor.labels, "segmenter": segmenter}
    study, _ = Study.objects.update_or_create(name=name, defaults=about)
    about = described(predictor) | {"score": scores.get(config.name, {})}
    model, new = TrainedModel.objects.update_or_create(
        study=study,
        name=config.name,
        sha256=made_by["sha256"],
        defaults=about,
        create_defaults=about | {"active": True},
    )
    versions = study.models.filter(name=config.name)
    if new:
        versions.exclude(pk=model.pk).update(active=False)
    elif not versions.filter(active=True).exists():
        versions.filter(pk=model.pk).update(active=True)


def described(predictor: Predictor) -> dict[str, object]:
    """What pages must know of a trained model."""
    return {
        "architecture": predictor.config.architecture,
        "columns": [asdict(column) for column in predictor.columns],
        "stamps": read_stamps(predictor.folder),
        "folds": predictor.made_by["folds"],
    }


def _segmenter(models: Path) -> str:
    """The segmenter of a study's images: that of the package, where one of its models reads its masks."""
    configs = (json.loads(path.read_text(encoding="utf-8")) for path in models.glob("*.json"))
    names = {config["segmenter"] for config in configs if config.get("segmenter")}
    return PACKAGED_SEGMENTER if PACKAGED_SEGMENTER in names else min(names, default="")


def _scores(study: str) -> dict[str, dict]:
    """What the comparison of a study says of each model, by its name."""
    path = settings.PROJECT / Layout(study).table("comparison")
    if not path.exists():
        return {}
    table = pd.read_csv(path).set_index("row")[MEASURES]
    return json.loads(table.to_json(orient="index"))


def _notice(study: str) -> str:
    path = settings.PROJECT / Layout(study).results / "model_card.md"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.strip("*").rstrip(".") for line in lines[1:6] if line.startswith("**")), "")
