"""The service as `make serve` runs it: a process with its web process and its worker, on a project of the tests."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from conftest import ROOT

UP = 300  # seconds in which it starts on a busy machine


@dataclass
class Served:
    """A running service."""

    address: str
    process: subprocess.Popen
    folder: Path
    log: Path
    environment: dict[str, str]

    def manage(self, *command: str, **variables: str) -> None:
        """Run a command of the service for its operator."""
        words = [sys.executable, "-m", "lungfuse_service", *command]
        subprocess.run(words, env=self.environment | variables, check=True, timeout=120, stdout=subprocess.DEVNULL)

    def children(self) -> dict[str, int]:
        """The processes of the web process and of the worker, by name."""
        found = {}
        for process in children_of(self.process.pid):
            command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            name = "web" if "gunicorn" in command else "worker" if " worker" in command else ""
            found |= {name: process} if name else {}
        return found

    def kill(self, name: str) -> bool:
        """Kill a process of the service as a crash would, of the web process also those that answer; whether there was
        one."""
        number = self.children().get(name)
        for process in [number, *children_of(number)] if number else []:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(number)

    def sign_up(self, name: str, password: str) -> str:
        """A new user's token for the API."""
        session = requests.Session()

        def post(page: str, form: str, **fields: str) -> requests.Response:
            html = session.get(self.address + page, timeout=30).text
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', html)[1]
            return session.post(self.address + form, data={"csrfmiddlewaretoken": token} | fields, timeout=30)

        fields = {"username": name, "password1": password, "password2": password, "understood": "on"}
        assert post("/account/sign-up", "/account/sign-up", **fields).ok
        return re.search(r'class="token">([^<]+)', post("/account/", "/account/token").text)[1]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def children_of(process: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except FileNotFoundError:
        return []


@contextmanager
def serving(project: Path, folder: Path, **variables: str) -> Iterator[Served]:
    """Serve a project; `variables` are of the environment, without LUNGFUSE_SERVICE_."""
    port = free_port()
    named = {f"LUNGFUSE_SERVICE_{name}": value for name, value in variables.items()}
    named |= {"LUNGFUSE_SERVICE_FOLDER": str(folder), "LUNGFUSE_SERVICE_PROJECT": str(project)}
    environment = os.environ | named | {"PYTHONPATH": str(ROOT / "workflow")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "lungfuse_service", "serve", "--port", str(port)]
    log = folder.with_suffix(".log")
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=project, stdout=stream, stderr=stream)
    served = Served(f"http://127.0.0.1:{port}", process, folder, log, environment)
    try:
        _wait_until_up(served)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode == 0, log.read_text()


def _wait_until_up(served: Served) -> None:
    """Until it answers and has found a model."""
    end = time.monotonic() + UP
    while time.monotonic() < end and served.process.poll() is None:
        try:
            if requests.get(f"{served.address}/health", timeout=5).json()["models"]:
                return
        except (requests.RequestException, ValueError):
            pass
        time.sleep(0.3)
    raise AssertionError(served.log.read_text())
