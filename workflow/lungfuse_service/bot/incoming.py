"""What a message gives a model: the file of an image, a text, and values by lines such as `age: 71`."""

import re
from dataclasses import dataclass

from telegram import Message

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.predictions.forms import is_value, name_of
from lungfuse_service.predictions.images import EXPECTED

VALUE = re.compile(r"\s*([^:=]{1,60}?)\s*[:=]\s*(\S.*?)\s*")


class UnreadableError(Exception):
    """A message that gives no case; the text of the error says why."""


@dataclass(frozen=True)
class SentFile:
    """A file at Telegram; `size` in bytes, 0 where Telegram does not say it."""

    file_id: str
    size: int


def file_of(message: Message) -> SentFile | None:
    """The image of a message, in its largest size; of a text, that of the message it replies to, if any.

    Raises:
        UnreadableError: the message has something that is neither image nor text.
    """
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return SentFile(largest.file_id, largest.file_size or 0)
    if document := message.document:
        kind, name = document.mime_type or "", (document.file_name or "").lower()
        if not kind.startswith("image/") and kind != "application/dicom" and not name.endswith(".dcm"):
            raise UnreadableError(f"This is a file of type {kind or 'unknown'}, not an image. {EXPECTED}")
        return SentFile(document.file_id, document.file_size or 0)
    if message.text is None:
        raise UnreadableError(f"An image or a text can be read, nothing else. {EXPECTED}")
    earlier = message.reply_to_message
    sent_by_user = earlier is not None and not (earlier.from_user and earlier.from_user.is_bot)
    return file_of(earlier) if sent_by_user and (earlier.photo or earlier.document) else None


def fields_of(model: TrainedModel, text: str) -> dict[str, str]:
    """The fields of the form of a model: lines that name one of its columns are values, the rest is text."""
    columns = {_plain(each["name"]): each for each in model.columns if is_value(each)}
    fields, rest = {}, []
    for line in text.splitlines():
        found = VALUE.fullmatch(line)
        column = columns.get(_plain(found[1])) if found else None
        if column is None:
            rest.append(line)
        else:
            fields[name_of(column)] = found[2]
    return fields | {"text": "\n".join(rest).strip()}


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ")
