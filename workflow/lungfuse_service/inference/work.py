"""The work of jobs: predict a case, outline its region, explain it, and write the one result."""

import time
from pathlib import Path

from django.db import transaction
from PIL import Image

from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.inference.explanations import explain, image_fit, picture
from lungfuse_service.inference.outcome import as_case, outcome_of
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


def predict(job: Job) -> None:
    """Predict the case of a job. What is written appears together with the end of the job, or not at all."""
    prediction = Prediction.objects.select_related("model__study").filter(job=job).first()
    if prediction is None:  # deleted meanwhile
        return
    try:
        model = loaded(prediction.model)
    except OtherVersionError:
        finish(job, TRAINED_AGAIN)
        return
    outcome, pictures = predicted(prediction, model)
    with transaction.atomic():
        if finish(job):
            result = Result.objects.create(prediction=prediction, outcome=outcome)
            Overlay.objects.bulk_create(Overlay(result=result, method=name, png=png) for name, png in pictures.items())


def predicted(prediction: Prediction, model: LoadedModel) -> tuple[dict, dict[str, bytes]]:
    """The outcome of a case, and pictures to lie over its image, by method."""
    started, reads = time.perf_counter(), prediction.model.reads
    image = Path(prediction.image.path) if prediction.image else None
    case = as_case(image, prediction.text, prediction.values)
    outcome = outcome_of(model, case)
    outcome["explanation"], maps = None, {}
    if prediction.explained:
        outcome["explanation"], maps = explain(model.predictor, case, prediction.model.stamps)
    outcome["region"], pictures = None, {}
    if image is not None and "image" in reads:
        with Image.open(image) as opened:
            size = opened.size
        fit = image_fit(model.predictor)
        pictures = {name: picture(relevance, name, size, fit) for name, relevance in maps.items()}
        outcome["region"] = region_of(prediction.model.study, image)
        outcome["size"] = size
    outcome["seconds"] = round(time.perf_counter() - started, 2)
    return outcome, pictures
