"""Chats with the bot, and the cases that still have to be answered there."""

from django.conf import settings
from django.db import models

from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.predictions.models import Prediction


class Chat(models.Model):
    """A private chat by its number at Telegram. Its user has no password; `keep`: answered cases are not deleted."""

    number = models.BigIntegerField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="chat")
    model = models.ForeignKey(TrainedModel, models.SET_NULL, null=True, related_name="+")
    keep = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"chat {self.number}"


class Request(models.Model):
    """A case of a chat that is not answered yet. `said`: the text of the answer is sent, its pictures are not."""

    chat = models.ForeignKey(Chat, models.CASCADE, related_name="requests")
    message = models.BigIntegerField()
    prediction = models.OneToOneField(Prediction, models.CASCADE, related_name="+")
    said = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"message {self.message} of {self.chat}"
