"""The service on one machine: web process, worker, trainer and, with a token, bot, each started again when it ends."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from django.conf import settings

log = logging.getLogger(__name__)
PAUSE = 1.0  # seconds before a process that has ended is started again
GRACE = 30.0  # seconds in which a process may end what it does
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


@dataclass
class Child:
    """A process of the service by its command."""

    name: str
    command: list[str]
    process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, preexec_fn=_end_with_parent, stdin=subprocess.DEVNULL)

    def keep(self) -> None:
        """Start it again if it has ended."""
        if self.process.poll() is not None:
            log.warning("%s has ended with %s and is started again", self.name, self.process.returncode)
            time.sleep(PAUSE)
            self.start()

    def stop(self) -> None:
        """Let it end what it does."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


def children(host: str, port: int) -> list[Child]:
    module = [sys.executable, "-m", "lungfuse_service"]
    web = [sys.executable, "-m", "gunicorn", "lungfuse_service.config.wsgi", "--bind", f"{host}:{port}"]
    web += [
        "--worker-class",
        "gthread",
        "--workers",
        "1",
        "--threads",
        "8",
        "--timeout",
        "60",
        "--graceful-timeout",
        "20",
    ]
    web += ["--no-control-socket"]
    trainer = Child("the trainer", [*module, "trainer"])
    bot = [Child("the bot", [*module, "bot"])] if settings.TELEGRAM_TOKEN else []
    return [Child("the web process", web), Child("the worker", [*module, "worker"]), trainer, *bot]


def serve(host: str, port: int) -> None:
    """Run until a signal says to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    running = children(host, port)
    for child in running:
        child.start()
    while not stop.wait(0.2):
        for child in running:
            child.keep()
    for child in running:
        child.stop()
    os.sync()
