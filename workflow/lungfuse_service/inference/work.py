"""The work of jobs: predict a case, outline its region, explain it, and write the one result."""

import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from django.db import transaction
from PIL import Image

from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.inference.explanations import Pictures, explain, image_fit, picture
from lungfuse_service.inference.outcome import as_case, outcomes_of
from lungfuse_service.inference.predictors import LoadedModel, OtherVersionError, loaded
from lungfuse_service.inference.regions import region_of, start_segmenters
from lungfuse_service.jobs.claims import finish
from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Overlay, Prediction, Result

TRAINED_AGAIN = "The model was trained again after you chose it. Ask the new one."


def prepare() -> None:
    """Find the models, and start what takes long to start."""
    find_models()
    start_segmenters()


def predict(jobs: list[Job]) -> None:
    """Predict the cases of jobs, all by one model. The result of each appears together with its end, or not at all."""
    predictions = list(Prediction.objects.select_related("model__study", "job").filter(job__in=jobs))
    if not predictions:  # deleted meanwhile
        return
    try:
        model = loaded(predictions[0].model)
    except OtherVersionError:
        for job in jobs:
            finish(job, TRAINED_AGAIN)
        return
    for prediction, outcome, pictures in predicted(predictions, model):
        with transaction.atomic():
            if finish(prediction.job):
                result = Result.objects.create(prediction=prediction, outcome=outcome)
                overlays = (Overlay(result=result, method=name, png=png) for name, png in pictures.items())
                Overlay.objects.bulk_create(overlays)


def predicted(predictions: list[Prediction], model: LoadedModel) -> Iterator[tuple[Prediction, dict, Pictures]]:
    """Each prediction with its outcome, and pictures to lie over its image, by method."""
    started = time.perf_counter()
    cases = [as_case(_image(each), each.text, each.values) for each in predictions]
    outcomes = outcomes_of(model, cases)
    share = (time.perf_counter() - started) / len(cases)
    for prediction, case, outcome in zip(predictions, cases, outcomes, strict=True):
        started = time.perf_counter()
        pictures = _look_closer(prediction, case, outcome, model)
        outcome["seconds"] = round(share + time.perf_counter() - started, 2)
        yield prediction, outcome, pictures


def _look_closer(prediction: Prediction, case: pd.DataFrame, outcome: dict, model: LoadedModel) -> Pictures:
    """Add explanation and region to an outcome; returns the pictures."""
    image, maps = _image(prediction), {}
    outcome["explanation"] = outcome["region"] = None
    if prediction.explained:
        outcome["explanation"], maps = explain(model.predictor, case, prediction.model.stamps)
    if image is None or "image" not in prediction.model.reads:
        return {}
    outcome["region"] = region_of(prediction.model.study, image)
    with Image.open(image) as opened:
        outcome["size"] = opened.size
    fit = image_fit(model.predictor)
    return {name: picture(relevance, name, outcome["size"], fit) for name, relevance in maps.items()}


def _image(prediction: Prediction) -> Path | None:
    return Path(prediction.image.path) if prediction.image else None
