"""A double of Telegram's Bot API on this machine: it hands out updates and files, and keeps what a bot has sent."""

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "1234:AA-secret_of_the_bot"
SILENCE = 1.0  # seconds that a request is left without an answer


@dataclass(frozen=True)
class Call:
    """What a bot has asked of a method: parameters, and files by the names that the parameters attach."""

    method: str
    values: dict[str, str]
    files: dict[str, bytes]
    at: float


@dataclass
class TelegramDouble:
    """The state of the double. `troubles` are, by method, what its next calls meet: "silence", or an error."""

    address: str
    calls: list[Call] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    troubles: dict[str, deque] = field(default_factory=lambda: defaultdict(deque))
    updates: list[dict] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    closed: bool = False

    def sent(self, *methods: str) -> list[Call]:
        return [call for call in list(self.calls) if call.method in methods]

    def message(self, chat: int = 7, kind: str = "private", **content) -> dict:
        """A user's message, which the bot gets with its next request for updates."""
        number = len(self.updates) + 1
        who = {"id": chat, "is_bot": False, "first_name": "Ann"}
        about = {"message_id": 100 + number, "date": int(time.time()), "chat": {"id": chat, "type": kind}, "from": who}
        return self.update(message=about | content)

    def update(self, **content) -> dict:
        with self.changed:
            self.updates.append({"update_id": len(self.updates) + 1} | content)
            self.changed.notify_all()
        return self.updates[-1].get("message", {})

    def command(self, text: str, **more) -> dict:
        length = len(text.split()[0])
        return self.message(text=text, entities=[{"type": "bot_command", "offset": 0, "length": length}], **more)

    def photo(self, data: bytes, **more) -> dict:
        """An image, which Telegram offers in two sizes."""
        sizes = [self._file(data[:10]) | {"width": 9, "height": 9}, self._file(data) | {"width": 90, "height": 90}]
        return self.message(photo=sizes, **more)

    def document(self, data: bytes, name: str, mime_type: str, size: int | None = None, **more) -> dict:
        document = self._file(data) | {"file_name": name, "mime_type": mime_type}
        return self.message(document=document | ({"file_size": size} if size else {}), **more)

    def _file(self, data: bytes) -> dict:
        name = f"file{len(self.files)}"
        self.files[name] = data
        return {"file_id": name, "file_unique_id": name, "file_size": len(data)}

    def answer(self, call: Call) -> object:
        """The result of a method."""
        values = call.values
        match call.method:
            case "getMe":
                return {"id": 1234, "is_bot": True, "first_name": "lungfuse", "username": "lungfuse_bot"}
            case "getUpdates":
                return self._wait_for_updates(int(values.get("offset", 0)), float(values.get("timeout", 0)))
            case "getFile":
                return {"file_id": values["file_id"], "file_unique_id": "x", "file_path": f"in/{values['file_id']}"}
            case "sendMediaGroup":
                return [self._sent(values) for _ in json.loads(values["media"])]
            case "sendMessage" | "sendPhoto":
                return self._sent(values)
        return True

    def _sent(self, values: dict[str, str]) -> dict:
        chat = {"id": int(values["chat_id"]), "type": "private"}
        return {"message_id": 9000 + len(self.calls), "date": int(time.time()), "chat": chat}

    def _wait_for_updates(self, offset: int, seconds: float) -> list[dict]:
        def found() -> list[dict]:
            return [each for each in self.updates if each["update_id"] >= offset]

        with self.changed:
            self.changed.wait_for(lambda: found() or self.closed, seconds)
            return found()


class Handler(BaseHTTPRequestHandler):
    double: TelegramDouble
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token, _, method = unquote(urlsplit(self.path).path).removeprefix("/bot").partition("/")
        if token != TOKEN:
            self.reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
            return
        call = Call(method, *_parameters(self.headers["Content-Type"], body), time.monotonic())
        trouble = self.double.troubles[method].popleft() if self.double.troubles[method] else None
        self.double.calls.append(call)
        if trouble == "silence":
            time.sleep(SILENCE)
        elif trouble:
            self.reply(trouble["error_code"], {"ok": False} | trouble)
            return
        self.reply(200, {"ok": True, "result": self.double.answer(call)})

    def do_GET(self) -> None:
        place = unquote(urlsplit(self.path).path)
        data = self.double.files.get(place.removeprefix(f"/file/bot{TOKEN}/in/"))
        self.reply(404, {"ok": False}) if data is None else self.reply(200, data)

    def reply(self, status: int, content: dict | bytes) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except ConnectionError:  # the bot has hung up
            self.close_connection = True

    def log_message(self, *arguments) -> None:
        pass


def _parameters(kind: str | None, body: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    if not (kind or "").startswith("multipart/"):
        return dict(parse_qsl(body.decode())), {}
    values, files = {}, {}
    for part in BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body).get_payload():
        name = part.get_param("name", header="Content-Disposition")
        data = part.get_payload(decode=True)
        if part.get_filename():
            files[name] = data
        else:
            values[name] = data.decode()
    return values, files


@contextmanager
def telegram_double() -> Iterator[TelegramDouble]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {}))
    server.daemon_threads, server.block_on_close = True, False
    double = TelegramDouble(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass.double = double
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        with double.changed:
            double.closed = True
            double.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
