"""The Bot API as Telegram offers it: the connection, and patience with it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from django.conf import settings

os.environ.setdefault("PTB_TIMEDELTA", "1")  # durations are of type timedelta

from telegram.error import BadRequest, NetworkError, RetryAfter
from telegram.ext import Application

T = TypeVar("T")
log = logging.getLogger(__name__)
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; twice as many before each further one
TIMEOUT = 20.0  # seconds until an answer of the Bot API begins
POLL = 30  # seconds that Telegram may hold a request for updates open
TOGETHER = 16  # messages that are read beside each other
MOST_FETCHED = 20 * 1024**2  # bytes of a file that the Bot API hands to a bot


def new_application() -> Application:
    """A bot with the token of the settings, without handlers."""
    builder = Application.builder().token(settings.TELEGRAM_TOKEN).concurrent_updates(TOGETHER)
    builder = builder.base_url(f"{settings.TELEGRAM_API}/bot").base_file_url(f"{settings.TELEGRAM_API}/file/bot")
    builder = builder.read_timeout(TIMEOUT).write_timeout(TIMEOUT).media_write_timeout(3 * TIMEOUT)
    return builder.get_updates_read_timeout(TIMEOUT).connection_pool_size(2 * TOGETHER).build()


async def patiently(call: Callable[[], Awaitable[T]], attempts: int = ATTEMPTS) -> T:
    """The result of a call, tried again when Telegram says to wait or does not answer.

    A request to wait does not count as an attempt. A call that timed out may have arrived: it can be made twice.

    Raises:
        TelegramError: of the last attempt, or at once where another attempt cannot help.
    """
    pause = PAUSE
    while True:
        try:
            return await call()
        except RetryAfter as error:
            log.info("Telegram asks to wait for %s", error.retry_after)
            await asyncio.sleep(error.retry_after.total_seconds())
        except BadRequest:
            raise
        except NetworkError as error:
            attempts -= 1
            if not attempts:
                raise
            log.info("Telegram does not answer: %s", error)
            await asyncio.sleep(pause)
            pause *= 2
