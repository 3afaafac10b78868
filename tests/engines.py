"""The commands `snakemake` and `dvc`, forked from a process that has imported what takes them long to import.

The `snakemake` that a stage of DVC runs, or a job, is forked too, and so are the scripts of the sync of both and the
server that forks jobs, which finds PyTorch imported: on their path is a command that asks a server for it, and that
takes it along when it is killed.
"""

import json
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from runpy import run_module, run_path
from unittest.mock import patch

COMMANDS = {"snakemake": "snakemake.cli", "dvc": "dvc.cli"}
SERVER = "SNAKEMAKE_SERVER"  # the environment variable with its address
SCRIPTS = "/workflow/scripts/dvc_"
JOBS = ["-m", "lungfuse", "prefork"]  # the server of jobs
CLIENT = f"""#!{sys.executable} -IS
import json, os, socket, sys
name = os.path.basename(sys.argv[0])
jobs = sys.argv[1:4] == {JOBS!r}
if name == "python" and not jobs and {SCRIPTS!r} not in os.path.abspath(*sys.argv[1:2] or [""]):
    os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect(os.environ["{SERVER}"])
    command = ["snakemake", *sys.argv[1:]] if name == "snakemake" else sys.argv[1:]
    request = json.dumps([command, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(8)], [0, 1, 2, *map(int, sys.argv[4:5] * jobs)])
    server.sendall(request)
    sys.exit(int(server.recv(4) or 1))
"""
_forks = multiprocessing.get_context("forkserver")
PRELOADED = ["dvc.cli.parser", "dvc.repo", "dvc.repo.status", "snakemake.api"]
PRELOADED += ["pandera.pandas", "jsonschema", "pydantic", "cyclopts", "matplotlib.pyplot", "scipy.stats", "skops.io"]
PRELOADED += ["sklearn.ensemble", "lightning.pytorch", "transformers.trainer_utils", "peft", "captum.attr"]
ALONE = {f"{name}_NUM_THREADS": "1" for name in ["OMP", "OPENBLAS", "MKL"]}  # as Snakemake has it for a job
_forks.set_forkserver_preload(["__main__", *COMMANDS.values(), *PRELOADED])


class Engine(_forks.Process):
    """A command in a folder and a session of its own, with methods of `subprocess.Popen`.

    What it prints and its errors go to the file `output`.
    """

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], output: Path):
        super().__init__(target=_run_into, args=(command, folder, environment, output))
        self.start()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self._args[0], timeout)
        return self.exitcode


def served(environment: dict[str, str]) -> dict[str, str]:
    """An environment in which `snakemake` and the scripts of the sync are forked from a server."""
    folder = _server()
    return environment | {SERVER: str(folder / "socket"), "PATH": f"{folder}:{environment['PATH']}"}


@cache
def _server() -> Path:
    """The folder of the command that asks the server, which ends with this process."""
    folder = Path(tempfile.mkdtemp())
    for name in ["snakemake", "python"]:
        client = folder / name
        client.write_text(CLIENT)
        client.chmod(0o755)
    server = _forks.Process(target=_serve, args=(str(folder / "socket"),), daemon=True)
    with patch.dict(os.environ, ALONE):
        server.start()
    while not (folder / "socket").exists():
        assert server.is_alive()
    return folder


def _serve(address: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve_one(client)
        client.close()


def _serve_one(client: socket.socket) -> None:
    """Run a command for its client, or kill it when the client is gone."""
    length, streams, _, _ = socket.recv_fds(client, 8, 4)
    words, folder, environment = json.loads(client.recv(int.from_bytes(length), socket.MSG_WAITALL))
    command = os.fork()
    if command == 0:
        client.close()
        multiprocessing.current_process()._config["daemon"] = False  # as the server is, and then may have no children
        _run(words, Path(folder), environment, streams)
    waiting = select.poll()
    for descriptor in [os.pidfd_open(command), client.fileno()]:
        waiting.register(descriptor, select.POLLIN)
    if [descriptor for descriptor, _ in waiting.poll()] == [client.fileno()]:
        os.killpg(command, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    client.sendall(str(max(code, 1) if code else 0).encode())
    os._exit(0)


def _run_into(command: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    _run(command, folder, environment, [0, file, file])


def _run(command: list[str], folder: Path, environment: dict[str, str], streams: list[int]) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for standard, stream in enumerate(streams[:3]):
        os.dup2(stream, standard)
    sys.argv = command
    sys.path = [place for place in sys.path if not Path(place).is_relative_to(Path(__file__).parent)]
    if command[:3] == JOBS:
        sys.argv, sys.stdin = ["lungfuse", "prefork", str(streams[3])], os.fdopen(0, closefd=False)
        sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
        run_module("lungfuse", run_name="__main__", alter_sys=False)
        sys.exit()
    if command[0] not in COMMANDS:
        sys.path.insert(0, str(Path(command[0]).parent.resolve()))
        run_path(command[0], run_name="__main__")
        sys.exit()
    _fork_scripts(Path(environment["PATH"].partition(":")[0]) / "python")
    sys.exit(import_module(COMMANDS[command[0]]).main())


def _fork_scripts(client: Path) -> None:
    """Let this process start the scripts of the sync, and the server of jobs, by the client of the server."""

    class ByClient(subprocess.Popen):
        def __init__(self, command, *arguments, **options) -> None:
            python = isinstance(command, list) and command[0] == sys.executable
            forked = python and (SCRIPTS in command[1] or command[1:4] == JOBS)
            super().__init__([client, *command[1:]] if forked else command, *arguments, **options)

    subprocess.Popen = ByClient
