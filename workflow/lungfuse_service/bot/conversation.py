"""What is said to a chat, and what it may say: commands, images, albums, texts."""

import asyncio
import logging

from django.conf import settings
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from lungfuse_service.bot.chats import accept_case, chat_of, choose, delete_all, keep, model_of, offered
from lungfuse_service.bot.in_thread import in_thread
from lungfuse_service.bot.incoming import SentFile, UnreadableError, file_of
from lungfuse_service.bot.telegram_api import MOST_FETCHED, patiently
from lungfuse_service.predictions.record import NOT_FOR_DIAGNOSIS
from lungfuse_service.predictions.submit import QuotaError

Context = ContextTypes.DEFAULT_TYPE
log = logging.getLogger(__name__)
QUIET = 1.0  # seconds after which an album is taken for complete: its images come one by one
PRIVATE = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
LONGEST_NAME = 64  # bytes that a button can bear
COMMANDS = {
    "start": "what this bot does",
    "models": "choose a model",
    "keep": "keep what you send: /keep on or /keep off",
    "delete": "delete everything that is kept of you",
}
WELCOME = (
    "Send an image, with its report as the caption if there is one, or a text alone. Values have a line of their own, "
    "such as age: 71. You get what the model says, what that means, and pictures of what it decided by."
)
UNREACHABLE = "Telegram did not hand over the file. Send it again."
BROKEN = "Something is wrong with the service. Its operator sees it in the log."


def add_handlers(application: Application) -> None:
    handlers = {"start": start, "help": start, "models": models, "keep": set_keep, "delete": delete}
    for name, handler in handlers.items():
        application.add_handler(CommandHandler(name, handler, PRIVATE))
    application.add_handler(CallbackQueryHandler(chosen))
    application.add_handler(MessageHandler(PRIVATE, case))
    application.add_error_handler(broken)


async def say(message: Message, text: str, **options) -> None:
    await patiently(lambda: message.reply_text(text, do_quote=True, allow_sending_without_reply=True, **options))


async def start(update: Update, context: Context) -> None:
    chat = await in_thread(chat_of)(update.effective_chat.id)
    model = await in_thread(model_of)(chat)
    asked = f"You ask {model}, which reads {', '.join(model.reads)}." if model else "Choose a model first: /models."
    commands = "\n".join(f"/{name}: {text}" for name, text in COMMANDS.items())
    await say(update.message, "\n\n".join([NOT_FOR_DIAGNOSIS, WELCOME, asked, _kept(chat.keep), commands]))


def _kept(keep: bool) -> str:
    if not keep:
        return "What you send is deleted here once it is answered."
    days = settings.RETENTION_DAYS
    return f"What you send is kept {f'for {days} days' if days else 'without end'}, or until /delete."


async def models(update: Update, context: Context) -> None:
    names = [str(each) for each in await in_thread(offered)()]
    buttons = [[InlineKeyboardButton(name, callback_data=name)] for name in names if len(name.encode()) <= LONGEST_NAME]
    if not buttons:
        await say(update.message, "No model is offered now. Ask again later.")
        return
    await say(update.message, "Which model do you ask?", reply_markup=InlineKeyboardMarkup(buttons))


async def chosen(update: Update, context: Context) -> None:
    query = update.callback_query
    model = await in_thread(choose)(query.from_user.id, query.data or "")
    says = (
        f"You ask {model}, which reads {', '.join(model.reads)}."
        if model
        else "This model is offered no more: /models."
    )
    try:
        await patiently(query.answer)
    except BadRequest as error:  # a button that was pressed long ago
        log.info("not acknowledged: %s", error)
    await patiently(lambda: context.bot.send_message(query.from_user.id, says))


async def set_keep(update: Update, context: Context) -> None:
    wanted = (context.args or [""])[0].lower()
    if wanted not in ("on", "off"):
        await say(update.message, "Say /keep on or /keep off.")
        return
    await in_thread(keep)(update.effective_chat.id, wanted == "on")
    await say(update.message, _kept(wanted == "on"))


async def delete(update: Update, context: Context) -> None:
    count = await in_thread(delete_all)(update.effective_chat.id)
    remains = "What remains is how often this chat has asked, for its quota."
    await say(update.message, f"Deleted: {count} case{'s' * (count != 1)}, and your choices. {remains}")


async def case(update: Update, context: Context) -> None:
    """A case, or one image of an album: the first waits for the others, and their caption is that of all."""
    message = update.message
    if not message.media_group_id:
        await accept(message, message.text or message.caption or "")
        return
    albums = context.bot_data.setdefault("albums", {})
    key = (message.chat_id, message.media_group_id)
    if key in albums:
        albums[key].append(message)
        return
    albums[key], count = [message], 0
    while count < len(albums[key]):
        count = len(albums[key])
        await asyncio.sleep(QUIET)
    album = sorted(albums.pop(key), key=lambda each: each.message_id)
    caption = next((each.caption for each in album if each.caption), "")
    for each in album:
        await accept(each, each.caption or caption)


async def accept(message: Message, text: str) -> None:
    """Accept a case, or say why not."""
    try:
        file = file_of(message)
        image = await fetch(message, file) if file else None
        left_out = await in_thread(accept_case)(message.chat_id, message.message_id, text, image)
    except (UnreadableError, QuotaError) as error:
        await say(message, str(error))
        return
    await (say(message, left_out) if left_out else patiently(lambda: message.reply_chat_action(ChatAction.TYPING)))


async def fetch(message: Message, file: SentFile) -> bytes:
    """The bytes of a file.

    Raises:
        UnreadableError: it is too large, or Telegram does not hand it over.
    """
    most = min(MOST_FETCHED, settings.MOST_BYTES)
    if file.size > most:
        raise _too_large(file.size, most)
    try:
        found = await patiently(lambda: message.get_bot().get_file(file.file_id))
        data = bytes(await patiently(found.download_as_bytearray))
    except TelegramError as error:
        log.warning("a file is not handed over: %s", error)
        raise UnreadableError(UNREACHABLE) from None
    if len(data) > most:
        raise _too_large(len(data), most)
    return data


def _too_large(size: int, most: int) -> UnreadableError:
    return UnreadableError(f"This file has {size / 1024**2:.0f} MB. At most {most // 1024**2} MB can be read.")


async def broken(update: object, context: Context) -> None:
    log.error("a message could not be answered", exc_info=context.error)
    if isinstance(update, Update) and update.message:
        await say(update.message, BROKEN)
