"""Chats in the database: the chosen model, cases that are accepted, and what is deleted."""

import uuid

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from lungfuse_service.accounts.models import User
from lungfuse_service.bot.incoming import UnreadableError, fields_of
from lungfuse_service.bot.models import Chat, Request
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.jobs.tasks import wake
from lungfuse_service.predictions.forms import CaseForm
from lungfuse_service.predictions.views import accept

USER = "telegram:{}"  # with a sign that names of people who sign up cannot have
CASES = uuid.UUID("6f0c2f52-2f0e-4b39-9d5c-0c5f0d2e2d11")  # of keys: a message read twice is one case
WITHOUT = {"image": "no image", "text": "no text"}


def chat_of(number: int) -> Chat:
    """The chat with a number, now known if it was not."""
    known = Chat.objects.select_related("user", "model__study").filter(number=number).first()
    if known:
        return known
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=USER.format(number))
        user.set_unusable_password()
        user.save()
        return Chat.objects.get_or_create(number=number, defaults={"user": user})[0]


def offered() -> list[TrainedModel]:
    return list(TrainedModel.objects.filter(active=True).select_related("study"))


def choose(number: int, name: str) -> TrainedModel | None:
    """From now on a chat asks a model, by study and name; None where it is not offered."""
    model = next((each for each in offered() if str(each) == name), None)
    if model is not None:
        chat_of(number)
        Chat.objects.filter(number=number).update(model=model)
    return model


def model_of(chat: Chat) -> TrainedModel | None:
    """The model that a chat asks, in its active version: the chosen one, or the only one there is."""
    models = offered()
    chosen = next((each for each in models if chat.model and str(each) == str(chat.model)), None)
    return chosen or (models[0] if len(models) == 1 else None)


def accept_case(number: int, message: int, text: str, image: bytes | None) -> str:
    """Accept a case of a chat, which will be answered whatever happens; returns what of it is left out, if anything.

    Raises:
        UnreadableError: no model is chosen, or it cannot read this.
        QuotaError: the chat has asked as much as one may.
    """
    chat = chat_of(number)
    model = model_of(chat)
    if model is None:
        raise UnreadableError("Choose a model first: /models. Then send this again.")
    data = fields_of(model, text) | {"key": str(uuid.uuid5(CASES, f"{number}/{message}")), "explained": "on"}
    given = {"image": image is not None, "text": bool(data["text"])}
    unread = [WITHOUT[name] for name, is_given in given.items() if is_given and name not in model.reads]
    files = {} if image is None else {"image": SimpleUploadedFile("image", image)}
    form = CaseForm(model, data, files)
    if not form.is_valid():
        raise UnreadableError(_problems(form, unread))
    with transaction.atomic():
        prediction = accept(chat.user, form)
        Request.objects.get_or_create(prediction=prediction, defaults={"chat": chat, "message": message})
    wake()  # again: the worker may have looked before this was committed
    return f"{model} reads {' and '.join(unread)}: left out." if unread else ""


def _problems(form: CaseForm, unread: list[str]) -> str:
    said = [
        f"{form.fields[name].label}: {error}" if name in form.fields else error
        for name, errors in form.errors.items()
        for error in errors
    ]
    if unread:
        said = [f"{form.model} reads {' and '.join(unread)}, but {', '.join(form.model.reads)}."]
    return " ".join(said)


def keep(number: int, wanted: bool) -> None:
    chat_of(number)
    Chat.objects.filter(number=number).update(keep=wanted)


def delete_all(number: int) -> int:
    """Delete the cases of a chat with their results, and its choices; how many cases there were.

    That it has asked still counts for the quota.
    """
    predictions = list(chat_of(number).user.predictions.select_related("job"))
    for prediction in predictions:
        prediction.delete()
    Chat.objects.filter(number=number).delete()
    return len(predictions)
