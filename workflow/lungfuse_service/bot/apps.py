"""The service as a Telegram bot."""

from django.apps import AppConfig


class BotConfig(AppConfig):
    name = "lungfuse_service.bot"
