"""Answer each request whose job has ended: text, then pictures, then its case is deleted.

The table of requests is the truth: a bot that was killed answers after its start what it owes.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from telegram import Bot, InputMediaPhoto, ReplyParameters
from telegram.error import BadRequest, NetworkError, TelegramError

from lungfuse_service.bot.in_thread import in_thread
from lungfuse_service.bot.models import Chat, Request
from lungfuse_service.bot.pictures import Picture, pictures_of
from lungfuse_service.bot.telegram_api import patiently
from lungfuse_service.jobs.models import State
from lungfuse_service.jobs.tasks import wake
from lungfuse_service.predictions.models import Prediction
from lungfuse_service.predictions.record import NOT_FOR_DIAGNOSIS
from lungfuse_service.report_text.sentences import percent, sentences_of

log = logging.getLogger(__name__)
LOOK = 0.5  # seconds between looks at the table
AGAIN = 60.0  # seconds after which a request that could not be answered is tried again
MOST_LETTERS = 4096  # of a message


@dataclass
class Answer:
    """What is sent for a request."""

    texts: list[str]
    pictures: list[Picture]


@dataclass
class Answering:
    """Answer requests until cancelled; `later` are those that could not be answered, with the time of the next try."""

    bot: Bot
    running: dict[int, asyncio.Task] = field(default_factory=dict)
    later: dict[int, float] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            try:
                for request in await in_thread(ended_requests)():
                    if request.pk not in self.running and self.later.get(request.pk, 0) < time.monotonic():
                        self.running[request.pk] = asyncio.create_task(self.answer(request))
            except Exception:
                log.exception("requests cannot be looked up")
            await asyncio.sleep(LOOK)

    async def answer(self, request: Request) -> None:
        try:
            if answer := await in_thread(answer_to)(request):
                await send(self.bot, request, answer)
                await in_thread(close)(request)
        except NetworkError as error:
            log.warning("request %d is answered later: %s", request.pk, error)
            self.later[request.pk] = time.monotonic() + AGAIN
        except TelegramError as error:  # as when the user has blocked the bot
            log.warning("request %d cannot be answered: %s", request.pk, error)
            await in_thread(close)(request)
        except Exception:
            log.exception("request %d is answered later", request.pk)
            self.later[request.pk] = time.monotonic() + AGAIN
        finally:
            del self.running[request.pk]


def ended_requests() -> list[Request]:
    """Those that can be answered; the worker is woken where one waits for long."""
    waiting = Request.objects.select_related("chat", "prediction__job", "prediction__model__study")
    found = list(waiting.order_by("pk"))
    if any(each.prediction.job.overdue for each in found):
        wake()
    return [each for each in found if each.prediction.job.ended]


def answer_to(request: Request) -> Answer | None:
    """None where the case was deleted meanwhile."""
    known = Prediction.objects.select_related("job", "model__study", "result")
    prediction = known.filter(pk=request.prediction_id).first()
    if prediction is None:
        return None
    if prediction.job.state == State.FAILED:
        return Answer([f"No result. {prediction.job.problem}"], [])
    return Answer(chunks(lines_of(prediction)), pictures_of(prediction))


def lines_of(prediction: Prediction) -> list[str]:
    """The conclusion, the probabilities, the report in sentences, and what kind of model said it."""
    outcome = prediction.result.outcome
    lines = [prediction.result.answer.capitalize()]
    for question in outcome["questions"]:
        of_label = question["classes"][-1:] if question["label"] else question["classes"]
        ordered = sorted(of_label, key=lambda each: -each["probability"])
        lines += [f"{question['label'] or each['name']}: {percent(each['probability'])}" for each in ordered]
    lines += ["", *(sentence.text for sentence in sentences_of(outcome)), ""]
    about = f"{prediction.model}, version {prediction.model.sha256[:12]}"
    notice = prediction.model.study.notice
    return [*lines, f"{about}. {notice}." if notice else f"{about}.", NOT_FOR_DIAGNOSIS]


def chunks(lines: list[str], most: int = MOST_LETTERS) -> list[str]:
    """Lines as few messages, none of which is longer than Telegram allows."""
    found = [""]
    for line in lines:
        joined = f"{found[-1]}\n{line}" if found[-1] else line[:most]
        if len(joined) <= most:
            found[-1] = joined
        else:
            found.append(line[:most])
    return found


async def send(bot: Bot, request: Request, answer: Answer) -> None:
    chat = request.chat_id
    reply = ReplyParameters(request.message, allow_sending_without_reply=True)
    if not request.said:
        for text in answer.texts:
            await patiently(lambda text=text: bot.send_message(chat, text, reply_parameters=reply))
        await in_thread(Request.objects.filter(pk=request.pk).update)(said=True)
    try:
        if len(answer.pictures) == 1:
            (only,) = answer.pictures
            await patiently(lambda: bot.send_photo(chat, only.data, caption=only.caption, filename="picture.jpg"))
        elif answer.pictures:
            album = [InputMediaPhoto(each.data, each.caption, filename="picture.jpg") for each in answer.pictures]
            await patiently(lambda: bot.send_media_group(chat, album))
    except BadRequest as error:  # as of an image of a strange shape
        log.warning("pictures of request %d are refused: %s", request.pk, error)
        await patiently(lambda: bot.send_message(chat, "Telegram does not take the pictures of this image."))


def close(request: Request) -> None:
    """Nothing of a case is kept after its answer, unless the chat has asked for that."""
    if not Chat.objects.filter(pk=request.chat_id, keep=True).exists():
        for prediction in Prediction.objects.select_related("job").filter(pk=request.prediction_id):
            prediction.delete()
    Request.objects.filter(pk=request.pk).delete()
