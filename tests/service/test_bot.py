"""The bot against a double of Telegram's Bot API, over HTTP."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import ROOT
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import override_settings
from PIL import Image
from service_cases import drawn_outcome, image_file
from telegram_double import TOKEN, TelegramDouble, telegram_double

from lungfuse_service.bot import answers, conversation, run, telegram_api
from lungfuse_service.bot.answers import chunks
from lungfuse_service.bot.models import Chat, Request
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.inference.catalogue import find_models
from lungfuse_service.jobs import tasks
from lungfuse_service.jobs.claims import claim_next, finish
from lungfuse_service.jobs.models import Job
from lungfuse_service.predictions.models import Overlay, Prediction, Result

SAID = ("sendMessage", "sendPhoto", "sendMediaGroup")
WAIT = {"error_code": 429, "description": "Too Many Requests: retry later", "parameters": {"retry_after": 1}}
BLOCKED = {"error_code": 403, "description": "Forbidden: bot was blocked by the user"}
REFUSED = {"error_code": 400, "description": "Bad Request: PHOTO_INVALID_DIMENSIONS"}


@pytest.fixture
def double() -> Iterator[TelegramDouble]:
    with telegram_double() as double, override_settings(TELEGRAM_TOKEN=TOKEN, TELEGRAM_API=double.address):
        yield double


@pytest.fixture
def start(double, monkeypatch) -> Iterator[Callable[[], None]]:
    """Start the bot in a thread; it stops at the end."""
    for place, name, value in [
        (telegram_api, "PAUSE", 0.05), (telegram_api, "TIMEOUT", 0.5), (conversation, "QUIET", 0.2),
        (answers, "LOOK", 0.03), (answers, "AGAIN", 0.2), (run, "POLL", 5),
    ]:  # fmt: skip
        monkeypatch.setattr(place, name, value)
    running = []

    def start() -> None:
        loop, stop, problems = asyncio.new_event_loop(), asyncio.Event(), []

        def target() -> None:
            try:
                loop.run_until_complete(run.run(stop))
            except Exception as error:
                problems.append(error)
            finally:
                loop.close()
                connections.close_all()

        thread = threading.Thread(target=target)
        thread.start()
        running.append((thread, loop, stop, problems))

    yield start
    for thread, loop, stop, problems in running:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive() and problems == []


@pytest.fixture
def bot(start, model) -> None:
    """The bot, with one model to ask."""
    start()


def until(found: Callable[[], object], what: str = "") -> object:
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.02)
    raise AssertionError(what or "it did not happen")


def decide(cases: int = 1, **changes) -> None:
    """Be the worker: give so many cases a result with two explanations."""
    until(lambda: Request.objects.count() == cases, "the cases were not accepted")
    while jobs := claim_next():
        for job in jobs:
            answer(job, **changes)


@transaction.atomic
def answer(job: Job, **changes) -> None:
    assert finish(job)
    result = Result.objects.create(prediction=job.prediction, outcome=drawn_outcome(**changes))
    png = image_file(mode="RGBA").read()
    for name in ["grad-cam", "integrated-gradients"] if job.prediction.image else []:
        Overlay.objects.create(result=result, method=name, png=png)


def texts(double: TelegramDouble, count: int = 1) -> list[str]:
    """What the bot has written, once there are so many messages."""
    until(lambda: len(double.sent("sendMessage")) >= count, f"of {count} messages: {double.sent('sendMessage')}")
    return [call.values["text"] for call in double.sent("sendMessage")]


def picture() -> bytes:
    return image_file(96, 80, "jpeg").read()


def nothing_is_kept() -> bool:
    images = settings.MEDIA_ROOT / "images"
    return not (Prediction.objects.exists() or Request.objects.exists() or (images.exists() and any(images.iterdir())))


def test_an_image_with_a_caption_is_answered_with_text_and_pictures_and_nothing_is_kept(bot, double):
    sent = double.photo(picture(), caption="Lungs are hyperexpanded.\nAge: 71\nsex = F")
    until(Request.objects.exists)
    prediction = Prediction.objects.get()
    assert (prediction.text, prediction.values) == ("Lungs are hyperexpanded.", {"age": "71", "sex": "F"})
    with Image.open(prediction.image.path) as image:
        assert (image.format, image.size) == ("PNG", (96, 80)), "the largest size, re-encoded"
    decide()
    (call,) = until(lambda: double.sent("sendMediaGroup"))
    (said,) = double.sent("sendMessage")
    assert said.values["text"].startswith("Lung\nlung: 86 %\nnormal: 14 %\n")
    assert "of the study that got a probability between" in said.values["text"]
    assert said.values["text"].endswith("Not for diagnosis.") and "synthetic, not patients" in said.values["text"]
    assert json.loads(said.values["reply_parameters"])["message_id"] == sent["message_id"]
    captions = [each["caption"] for each in json.loads(call.values["media"])]
    assert [caption.split()[0] for caption in captions] == ["The", "Integrated", "Grad-CAM"]
    assert "36 % of the image" in captions[0] and "passes 6 of 9 checks" in captions[1] and "not checked" in captions[2]
    region, *_ = (Image.open(io.BytesIO(data)).convert("RGB") for data in call.files.values())
    assert len(call.files) == 3 and region.size == (96, 80)
    red, green, blue = region.getpixel((24, 16))  # on the upper edge of the left region
    assert red > blue + 60 and green > blue + 40
    until(nothing_is_kept, "the case is still there")
    assert Job.objects.count() == 1, "it counts for the quota"


def test_a_text_alone_is_a_case_and_as_a_reply_belongs_to_the_image(bot, double):
    double.message(text="Clear.")
    decide()
    assert texts(double)[0].startswith("Lung") and not double.sent("sendPhoto", "sendMediaGroup")
    until(nothing_is_kept)
    image = double.document(picture(), "chest.jpg", "image/jpeg")
    decide()
    texts(double, 2)
    until(nothing_is_kept)
    double.message(text="Hyperexpanded.", reply_to_message=image)
    until(Request.objects.exists)
    again = Prediction.objects.get()
    assert again.image and again.text == "Hyperexpanded."


def test_an_album_is_a_case_an_image_with_the_one_caption(bot, double):
    album = [double.photo(picture(), media_group_id="a", caption="Clear." if n == 1 else None) for n in range(3)]
    decide(3)
    assert {each.text for each in Prediction.objects.all()} <= {"Clear."}
    until(lambda: len(double.sent("sendMediaGroup")) == 3)
    answered = {json.loads(call.values["reply_parameters"])["message_id"] for call in double.sent("sendMessage")}
    assert answered == {each["message_id"] for each in album}
    until(nothing_is_kept)


def test_what_is_no_image_is_refused_unread(bot, double):
    double.document(b"%PDF-1.7", "report.pdf", "application/pdf")
    double.document(b"", "chest.png", "image/png", size=25 * 1024**2)
    double.message(sticker={"file_id": "s", "file_unique_id": "s", "type": "regular", "width": 9, "height": 9,
                            "is_animated": False, "is_video": False})  # fmt: skip
    double.document(b"no image", "chest.png", "image/png")
    said = "\n".join(texts(double, 4))
    assert "type application/pdf, not an image. Send a PNG" in said
    assert "This file has 25 MB. At most 20 MB can be read." in said
    assert "An image or a text can be read, nothing else." in said
    assert "Image: This is no image that can be read." in said
    assert len(double.sent("getFile")) == 1, "of the last alone"
    assert nothing_is_kept()


def test_a_file_that_is_larger_than_telegram_said_is_refused_too(bot, double):
    with override_settings(MOST_BYTES=100):
        double.document(picture() * 3, "chest.jpg", "image/jpeg", size=10)
        assert "can be read" in texts(double)[0]
    assert nothing_is_kept()


def test_values_that_cannot_be_read_are_named(bot, double):
    double.message(text="age: old\nsex: robot")
    (said,) = texts(double)
    assert "age (years): Enter a number." in said and "sex: Select a valid choice" in said


def test_models_are_chosen_and_what_a_model_does_not_read_is_said(bot, double, model):
    TrainedModel.objects.create(
        study=model.study, name="text", sha256="c" * 64, architecture="text", columns=model.columns[1:2], folds=3
    )
    double.photo(picture())
    assert texts(double) == ["Choose a model first: /models. Then send this again."]
    double.command("/models")
    texts(double, 2)
    buttons = json.loads(double.sent("sendMessage")[1].values["reply_markup"])["inline_keyboard"]
    assert [row[0]["callback_data"] for row in buttons] == ["chest/early_all", "chest/text"]
    pressed = {"id": "1", "from": {"id": 7, "is_bot": False, "first_name": "Ann"}, "chat_instance": "1"}
    double.update(callback_query=pressed | {"data": "chest/text"})
    assert texts(double, 3)[2] == "You ask chest/text, which reads text."
    assert double.sent("answerCallbackQuery")
    double.photo(picture())
    assert "chest/text reads no image, but text." in texts(double, 4)[3]
    double.photo(picture(), caption="Clear.")
    assert texts(double, 5)[4] == "chest/text reads no image: left out."
    assert Prediction.objects.get().text == "Clear."
    TrainedModel.objects.filter(name="text").update(active=False)
    TrainedModel.objects.create(
        study=model.study, name="text", sha256="d" * 64, architecture="text", columns=model.columns[1:2], folds=3
    )
    double.command("/start")
    assert "You ask chest/text, which reads text." in texts(double, 6)[5], "in its new version"


def test_start_says_what_it_is_and_what_is_kept(bot, double):
    double.command("/start")
    said = texts(double)[0]
    assert "Not for diagnosis" in said and "deleted here once it is answered" in said
    assert "You ask chest/early_all, which reads image, text, age, sex." in said and "/delete" in said
    assert {each["command"] for each in json.loads(double.sent("setMyCommands")[0].values["commands"])} >= {"models"}


def test_what_is_kept_on_demand_is_deleted_on_demand(bot, double):
    double.command("/keep on")
    assert "kept for 30 days, or until /delete" in texts(double)[0]
    double.photo(picture())
    decide()
    until(lambda: double.sent("sendMediaGroup"))
    until(lambda: not Request.objects.exists())
    assert Prediction.objects.filter(user__username="telegram:7").count() == 1
    double.photo(picture())  # one that waits goes too
    until(lambda: Prediction.objects.count() == 2)
    double.command("/delete")
    assert "Deleted: 2 cases" in texts(double, 3)[2]
    assert nothing_is_kept() and not Chat.objects.exists()


def test_a_chat_has_a_quota_and_a_deletion_does_not_renew_it(bot, double):
    with override_settings(MOST_A_DAY=2):
        for text in ["One.", "Two."]:
            double.message(text=text)
        decide(2)
        texts(double, 2)
        double.command("/delete")
        texts(double, 3)
        double.message(text="Three.")
        assert texts(double, 4)[3] == "You have asked 2 times within a day. Ask again tomorrow."
        double.message(chat=8, text="Another's.")
        decide(1)


def test_when_telegram_says_to_wait_the_bot_waits_and_then_sends(bot, double):
    double.troubles["sendMessage"].append(WAIT)
    double.message(text="Clear.")
    decide()
    texts(double, 2)
    first, second = (call.at for call in double.sent("sendMessage"))
    assert second - first >= 1
    until(nothing_is_kept)


def test_when_telegram_does_not_answer_all_is_tried_again(bot, double):
    double.troubles["getFile"].extend(["silence", {"error_code": 502, "description": "Bad Gateway"}])
    double.troubles["sendMediaGroup"].append("silence")
    double.troubles["getUpdates"].append({"error_code": 500, "description": "Internal"})
    double.photo(picture())
    decide()
    until(lambda: len(double.sent("sendMediaGroup")) == 2)
    until(nothing_is_kept)
    assert len(double.sent("sendMessage")) == 1, "the text is not said again"


def test_a_file_that_telegram_does_not_hand_over_is_asked_for_again(bot, double):
    double.troubles["getFile"].extend([{"error_code": 502, "description": "Bad Gateway"}] * telegram_api.ATTEMPTS)
    double.photo(picture())
    assert texts(double) == ["Telegram did not hand over the file. Send it again."]


def test_of_who_has_blocked_the_bot_nothing_is_kept(bot, double):
    double.troubles["sendMessage"].append(BLOCKED)
    double.message(text="Clear.")
    decide()
    until(nothing_is_kept)


def test_pictures_that_telegram_refuses_are_left_out(bot, double):
    double.troubles["sendMediaGroup"].append(REFUSED)
    double.photo(picture())
    decide()
    assert texts(double, 2)[1] == "Telegram does not take the pictures of this image."
    until(nothing_is_kept)


def test_a_case_without_a_result_is_answered_with_the_reason(bot, double):
    double.message(text="Clear.")
    until(Request.objects.exists)
    (job,) = claim_next()
    assert finish(job, "The model was trained again.")
    assert texts(double) == ["No result. The model was trained again."]
    until(nothing_is_kept)


def test_in_a_group_it_says_nothing(bot, double):
    double.photo(picture(), chat=-5, kind="group")
    double.command("/start")
    assert len(texts(double)) == 1 and not Prediction.objects.exists()


def test_an_update_that_comes_twice_is_one_case(bot, double):
    message = double.message(text="Clear.")
    until(Request.objects.exists)
    double.update(message=message)
    double.command("/start")
    texts(double)
    assert Prediction.objects.count() == 1


def test_the_answer_of_a_real_model(start, double, trained):
    study = trained("binary")
    study.model("late-of-networks")
    with override_settings(PROJECT=study.small.folder, REGIONS=False):
        find_models()
        TrainedModel.objects.exclude(name="late-of-networks").update(active=False)
        start()
        double.photo(image_file(64, 64, "png").read(), caption="study 3 lungs low\nage: 63")
        until(Request.objects.exists)
        tasks.work.call_local()
        (call,) = until(lambda: double.sent("sendMediaGroup"))
    titles = [each["caption"].split(" (")[0] for each in json.loads(call.values["media"])]
    assert titles == ["Integrated gradients", "Occlusion", "Grad-CAM"]
    assert "What decided on" in texts(double)[0]


def test_messages_are_as_long_as_telegram_allows():
    assert chunks(["a" * 30, "b" * 30, "c" * 99], most=62) == ["a" * 30 + "\n" + "b" * 30, "c" * 62]


def test_the_process_answers_what_another_owed_stops_when_asked_and_hides_its_token(double, asked, ann, tmp_path):
    """A bot that was killed has left a case that it had accepted."""
    chat = Chat.objects.create(number=7, user=ann)
    Request.objects.create(chat=chat, message=5, prediction=asked(ann))
    decide()
    double.troubles["getUpdates"].append({"error_code": 500, "description": f"wrong at {TOKEN}"})
    named = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API": double.address, "FOLDER": str(settings.FOLDER)}
    environment = os.environ | {f"LUNGFUSE_SERVICE_{name}": value for name, value in named.items()}
    environment |= {"PYTHONPATH": str(ROOT / "workflow")}
    log = tmp_path / "log"
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "lungfuse_service", "bot"]
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=tmp_path)
    try:
        until(lambda: double.sent("sendMediaGroup"), "the bot did not start")
        until(nothing_is_kept)
        until(lambda: "<hidden>" in log.read_text(), log.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert TOKEN not in log.read_text()


def test_a_token_that_telegram_does_not_know_is_not_shown(double):
    with override_settings(TELEGRAM_TOKEN="9:wrong"), pytest.raises(CommandError) as raised:
        call_command("bot")
    assert "knows no bot with this token" in str(raised.value) and "9:wrong" not in str(raised.value)
    with override_settings(TELEGRAM_TOKEN=""), pytest.raises(CommandError, match="TELEGRAM_TOKEN is not set"):
        call_command("bot")
