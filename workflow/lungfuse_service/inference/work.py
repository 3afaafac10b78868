"""The work of jobs: predict a case, outline its region, explain it, and write the one result."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from django.db import transaction
from PIL import Image

from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.inference.explanations import Pictures, explain, image_fit, picture
from lungfuse_service.inference.outcome import as_case, outcomes_of
from lungfuse_service.inference.predictors import LoadedModel, OtherVersionError, loaded
from lungfuse_service.inference.regions import region_of, start_segmenters
from lungfuse_service.jobs.claims import finish, finish_together
from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Overlay, Prediction, Result

Predicted = tuple[Prediction, dict, Pictures]
WRITTEN_EACH = 1.0  # seconds, of results of cases that are done together
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
    for done in _in_time(predicted(predictions, model)):
        write(done)


@transaction.atomic
def write(done: list[Predicted]) -> None:
    """Write results and end their jobs, of those that no other attempt has claimed since."""
    mine = finish_together([prediction.job for prediction, _, _ in done])
    kept = [each for each in done if each[0].job_id in mine]
    results = Result.objects.bulk_create(Result(prediction=each, outcome=outcome) for each, outcome, _ in kept)
    pictures = zip(results, (pictures for _, _, pictures in kept), strict=True)
    Overlay.objects.bulk_create(
        Overlay(result=result, method=name, png=png) for result, of in pictures for name, png in of.items()
    )


def _in_time(found: Iterable[Predicted]) -> Iterator[list[Predicted]]:
    """Those that were found within a second, together."""
    done, since = [], time.monotonic()
    for each in found:
        done.append(each)
        if time.monotonic() - since > WRITTEN_EACH:
            yield done
            done, since = [], time.monotonic()
    if done:
        yield done


def predicted(predictions: list[Prediction], model: LoadedModel) -> Iterator[Predicted]:
    """Each prediction with its outcome, and pictures to lie over its image, by method."""
    started = time.perf_counter()
    cases = pd.DataFrame([as_case(_image(each), each.text, each.values) for each in predictions])
    outcomes = outcomes_of(model, cases)
    share = (time.perf_counter() - started) / len(cases)
    for row, (prediction, outcome) in enumerate(zip(predictions, outcomes, strict=True)):
        started = time.perf_counter()
        pictures = _look_closer(prediction, cases.iloc[[row]], outcome, model)
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
