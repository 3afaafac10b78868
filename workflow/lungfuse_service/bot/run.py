"""Run the bot until it is asked to stop: read messages, and answer what is decided."""

import asyncio
from contextlib import suppress

from telegram import BotCommand, Update

from lungfuse_service.bot.answers import Answering
from lungfuse_service.bot.conversation import COMMANDS, add_handlers
from lungfuse_service.bot.telegram_api import POLL, new_application, patiently

WITHOUT_END = 10**9


async def run(stop: asyncio.Event) -> None:
    """Read messages and answer them; at the end what is being read is finished.

    Raises:
        InvalidToken: Telegram does not know the token.
    """
    application = new_application()
    add_handlers(application)
    await patiently(application.initialize, attempts=WITHOUT_END)
    menu = [BotCommand(name, text) for name, text in COMMANDS.items()]
    await patiently(lambda: application.bot.set_my_commands(menu))
    answering = asyncio.create_task(Answering(application.bot).run())
    async with application:
        await application.start()
        kinds = [Update.MESSAGE, Update.CALLBACK_QUERY]
        await application.updater.start_polling(timeout=POLL, bootstrap_retries=-1, allowed_updates=kinds)
        await stop.wait()
        await application.updater.stop()
        await application.stop()
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering
