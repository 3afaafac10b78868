"""The worker says what `predict` and `explain` say, once."""

import io
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
from django.test import override_settings
from PIL import Image
from service_cases import image_file

from lungfuse.demo.chest import draw_frontal
from lungfuse.plan.layout import Layout
from lungfuse.plan.names import PACKAGED
from lungfuse.segment.boxes import boxes_of
from lungfuse.tables.base import write_table
from lungfuse.tables.regions import Regions
from lungfuse_service.catalogue.models import Study, TrainedModel
from lungfuse_service.inference import predictors, work
from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.inference.explanations import picture
from lungfuse_service.inference.outcome import as_case
from lungfuse_service.inference.regions import region_of
from lungfuse_service.inference.work import TRAINED_AGAIN
from lungfuse_service.jobs import tasks
from lungfuse_service.jobs.claims import claim_next, requeue_stale
from lungfuse_service.jobs.models import STALE, Job, State
from lungfuse_service.predictions.models import Overlay, Prediction, Result
from lungfuse_service.predictions.submit import Case, submit
from lungfuse_service.report_text.sentences import sentences_of


@pytest.fixture
def study(trained):
    """The small study, which all tests share, with a model of three inputs and one that cannot be explained."""
    study = trained("binary")
    for name in ["late-of-networks", "tfidf"]:
        study.model(name)
    with override_settings(PROJECT=study.small.folder):
        find_models()
        yield study


def model(name: str) -> TrainedModel:
    return TrainedModel.objects.get(name=name)


def ask(user, name: str, explained: bool = False, **given) -> Prediction:
    given = {"text": "study lungs low", "values": {"age": "61", "sex": "F"}} | given
    return submit(user, model(name), Case(**given), explained=explained)


def test_models_are_found_with_what_they_read(study):
    found = model("late-of-networks")
    assert found.inputs == ["image", "text", "fields"] and found.reads == ["image", "text", "age", "sex"]
    age, sex = found.columns[2:]
    assert (age["unit"], sex["categories"]) == ("years", ["F", "M"]) and 40 <= age["low"] < age["high"] < 70
    assert Study.objects.get().labels == ["normal", "lung"]
    find_models()
    assert TrainedModel.objects.filter(name="late-of-networks").count() == 1


def test_a_model_that_is_gone_is_offered_no_more(study, tmp_path):
    with override_settings(PROJECT=tmp_path):
        find_models()
    assert not TrainedModel.objects.filter(active=True).exists()


def test_the_worker_says_what_predict_says(study, ann):
    sent = image_file(64, 64)
    prediction = ask(ann, "late-of-networks", image=sent, explained=True)
    tasks.work.call_local()
    prediction = Prediction.objects.get(pk=prediction.pk)
    assert prediction.job.state == State.DONE
    outcome = prediction.result.outcome
    predictor = predictors.LoadedModel(model("late-of-networks")).predictor
    (expected,) = predictor.predict(pd.DataFrame([as_case(prediction.image.path, prediction.text, prediction.values)]))
    classes = {each["name"]: each["probability"] for each in outcome["questions"][0]["classes"]}
    assert classes["lung"] == pytest.approx(expected["probability"][0], abs=1e-4)
    assert outcome["predicted"] == [expected["label"][0]]
    assert outcome["made_by"]["sha256"] == prediction.model.sha256
    assert outcome["explanation"]["modalities"].keys() == {"image", "text", "structured"}
    assert {each.method for each in prediction.result.overlays.all()} == {
        "grad-cam",
        "integrated-gradients",
        "occlusion",
    }
    overlay = Image.open(io.BytesIO(prediction.result.overlays.first().png))
    assert overlay.mode == "RGBA" and overlay.size == (64, 64)
    assert len(sentences_of(outcome)) > 3


def test_what_a_case_lacks_is_said_and_a_model_of_words_is_not_explained(study, ann):
    lacking, words = (ask(ann, name, values={}, explained=True) for name in ["late-of-networks", "tfidf"])
    tasks.work.call_local()
    tasks.work.call_local()
    assert set(Result.objects.get(prediction=lacking).outcome["missing"]) == {"image", "age", "sex"}
    assert "cannot be explained" in Result.objects.get(prediction=words).outcome["explanation"]["none"]
    assert not Overlay.objects.exists()


def test_a_worker_that_comes_back_after_another_has_taken_over_writes_nothing(study, ann):
    prediction = ask(ann, "tfidf")
    (slow,) = claim_next()
    Job.objects.update(heartbeat=slow.heartbeat - 2 * STALE)
    requeue_stale()
    tasks.work.call_local()
    work.predict([slow])
    assert Result.objects.count() == 1
    assert Job.objects.get(pk=prediction.job_id).attempts == 2


def test_cases_that_are_done_together_have_what_each_has_alone(study, ann):
    texts = [f"study {n} lungs {word}" for n, word in enumerate(["low", "clear", "low"])]
    alone = [ask(ann, "late-of-networks", text=text, explained=True) for text in texts]
    together = [ask(ann, "late-of-networks", text=text) for text in texts]
    far = ask(ann, "late-of-networks", values={"age": "400"})
    for _ in range(4):
        tasks.work.call_local()
    assert Job.objects.filter(state=State.DONE).count() == 7
    for one, other in zip(alone, together, strict=True):
        found, expected = (Result.objects.get(prediction=each).outcome for each in [other, one])
        for key in ["predicted", "missing", "notes"]:
            assert found[key] == expected[key]
        ours, theirs = ([each["probability"] for each in of["questions"][0]["classes"]] for of in [found, expected])
        assert ours == pytest.approx(theirs, abs=1e-3)
        assert found["explanation"] is None and expected["explanation"]
    assert len(Result.objects.get(prediction=far).outcome["notes"]) == 1


def test_two_workers_at_one_job_write_one_result(study, ann):
    ask(ann, "tfidf")
    (job,) = claim_next()
    twins = [threading.Thread(target=work.predict, args=([job],)) for _ in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert Result.objects.count() == 1


def test_a_model_that_was_trained_again_is_not_the_one_that_was_asked(study, ann):
    TrainedModel.objects.filter(name="tfidf").update(sha256="0" * 64)
    prediction = ask(ann, "tfidf")
    tasks.work.call_local()
    job = Job.objects.get(pk=prediction.job_id)
    assert (job.state, job.problem) == (State.FAILED, TRAINED_AGAIN)


def test_a_damaged_model_fails_without_its_path(study, ann, tmp_path):
    project = tmp_path / "project"
    place = Layout("small").model_folder("tfidf")
    shutil.copytree(study.small.folder / place, project / place)
    (project / place / "fold0/model.skops").write_bytes(b"broken")
    prediction = ask(ann, "tfidf")
    predictors._loaded.clear()
    with override_settings(PROJECT=project):
        tasks.work.call_local()
    job = Job.objects.get(pk=prediction.job_id)
    assert job.state == State.FAILED and str(tmp_path) not in job.problem and job.problem


def test_a_prediction_that_was_deleted_while_it_was_made_leaves_nothing(study, ann):
    prediction = ask(ann, "tfidf")
    (job,) = claim_next()
    prediction.delete()
    work.predict([job])
    assert not Result.objects.exists()


def test_lungs_are_outlined_by_the_packaged_segmenter(tmp_path):
    drawn = draw_frontal(np.random.default_rng(0), 1.0, 0, 192)
    Image.fromarray(drawn.pixels).save(tmp_path / "chest.png")
    found = region_of(Study(name="chest", segmenter="packaged"), tmp_path / "chest.png")
    assert found["name"] == "lungs" and found["share"] == pytest.approx(drawn.lungs.mean(), rel=0.25)
    points = np.array([point for line in found["lines"] for point in line])
    assert points.min() >= 0 and points.max() <= 1 and len(found["lines"]) == 2
    assert len(found["boxes"]) == 2
    assert region_of(Study(name="chest"), tmp_path / "chest.png") is None


def test_a_region_is_called_and_boxed_as_the_study_of_its_segmenter_says(tmp_path):
    """A copy of the packaged segmenter is said to mark lesions, one an image: what it marks is one of the lungs."""
    drawn = draw_frontal(np.random.default_rng(0), 1.0, 0, 192)
    Image.fromarray(drawn.pixels).save(tmp_path / "chest.png")
    layout = Layout("skin")
    shutil.copytree(PACKAGED, tmp_path / layout.segmenter_folder("unet-lesions"))
    row = {"segmenter": "unet-lesions", "region": "lesion", "components": 1, "n": 9, "boxes": 9}
    row |= {f"{name}{end}": 0.9 for name in ["map50", "map50_95", "box_iou"] for end in ["", "_low", "_high"]}
    rows = [row | {"source": source} for source in ["Vienna", "Queensland"]]
    write_table(pd.DataFrame(rows), tmp_path / layout.table("regions"), Regions)
    with override_settings(PROJECT=tmp_path):
        found = region_of(Study(name="skin", segmenter="unet-lesions"), tmp_path / "chest.png")
    assert found["name"] == "lesion" and len(found["lines"]) == 1
    (box,), lungs = found["boxes"], (boxes_of(drawn.lungs) / 192).tolist()
    assert any(box == pytest.approx(lung, abs=0.05) for lung in lungs)


def test_a_picture_lies_on_what_the_model_saw():
    relevance = np.zeros((8, 8))
    relevance[0, 0] = 1.0
    wide = Image.open(io.BytesIO(picture(relevance, "grad-cam", (400, 200), "pad")))
    assert wide.size == (400, 200)
    alpha = np.asarray(wide)[..., 3]
    assert alpha.max() < 255, "the first row is in what was padded"
    square = np.asarray(Image.open(io.BytesIO(picture(relevance, "grad-cam", (200, 200), "pad"))))[..., 3]
    assert square[:20, :20].mean() > 100 and square[100:, 100:].max() == 0


def test_stamps_and_scores_come_from_the_tables_of_the_study(study, tmp_path):
    shutil.copytree(study.small.folder / "results", tmp_path / "results")
    table = pd.DataFrame([{"row": "tfidf", "n": 60, "auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.97}])
    table.to_csv(tmp_path / "results/small/comparison.csv", index=False)
    with override_settings(PROJECT=tmp_path):
        find_models()
    assert model("tfidf").score == {"n": 60, "auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.97}
