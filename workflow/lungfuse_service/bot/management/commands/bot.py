"""Run the Telegram bot: python -m lungfuse_service bot. Its token is LUNGFUSE_SERVICE_TELEGRAM_TOKEN."""

import asyncio
import signal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from telegram.error import InvalidToken

from lungfuse_service.bot.run import run


class Command(BaseCommand):
    """Long polling, until SIGTERM or Ctrl+C. Runs beside a worker, which does the predictions."""

    help = __doc__

    def handle(self, **options) -> None:
        if not settings.TELEGRAM_TOKEN:
            raise CommandError("LUNGFUSE_SERVICE_TELEGRAM_TOKEN is not set. @BotFather gives a token to a new bot.")
        try:
            asyncio.run(self.until_signal())
        except InvalidToken:
            raise CommandError("LUNGFUSE_SERVICE_TELEGRAM_TOKEN: Telegram knows no bot with this token.") from None

    async def until_signal(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await run(stop)
