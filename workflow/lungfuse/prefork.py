"""Jobs forked from a process that has imported their stage, so that many folds share one start.

To import Lightning or TensorFlow takes longer than to train a fold of a small study. While Snakemake runs jobs on this
machine it keeps a server on a socket, whose path is in the variable `SOCKET`; `python -m lungfuse` of a rule asks it to
run the stage in its place. For each library and environment the server keeps a nursery: a process that imports a stage
when it is asked for it first, and forks a child for each job. A job is then a process that has imported its stage and
done nothing else. So it computes the same as one that was started anew, and one job knows nothing of another.

Only the standard library is imported here, because numerical libraries read the environment when they are imported,
which in a nursery is that of its jobs.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from lungfuse.stages import STAGES

SOCKET = "LUNGFUSE_PREFORK"
SERVE = "prefork"  # the command that starts the server
PATIENCE = 10_000  # milliseconds that an interrupted job has to clean up
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


@contextmanager
def server() -> Iterator[None]:
    """Keep a server for the commands that this process starts in the block."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = f"{folder}/socket"
        listener.bind(path)
        listener.listen(128)
        command = [sys.executable, "-m", "lungfuse", SERVE, str(listener.fileno())]
        own_folder = os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()], start_new_session=True,
            env=os.environ | {"PYTHONPATH": own_folder},
        )  # fmt: skip
        os.environ[SOCKET] = path
        try:
            yield
        finally:
            del os.environ[SOCKET]
            process.communicate()  # ends its standard input


def delegate() -> None:
    """Let the server run this command, and exit as it did. Returns where no server is there, or no stage is named."""
    stage = next((argument for argument in sys.argv[1:] if argument in STAGES), None)
    if stage is None or SOCKET not in os.environ:
        return
    request = {"stage": stage, "arguments": sys.argv, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(os.environ[SOCKET])
        except OSError:
            return
        _send(server, request, [0, 1, 2])
        code = server.recv(4)
    if not code:
        sys.exit(f"lungfuse: {stage}: its process was ended, or ran out of memory. Start the workflow again.")
    sys.exit(int(code))


def serve(listener: socket.socket) -> None:
    """Run jobs for whoever connects to a listening socket, until standard input ends.

    Exits in the server's own processes, and returns in that of each job, whose command line, folder, environment and
    standard files are those of who has asked for it.
    """
    nurseries: dict[tuple, socket.socket] = {}
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        client, _ = listener.accept()
        with client, suppress(EOFError):
            request, files = _receive(client)
            kind = (STAGES[request["stage"]].library, *sorted(request["environment"].items()))
            if kind not in nurseries:
                nurseries[kind], own_end = socket.socketpair()
                if _fork() == 0:
                    _close([*files, *(own.detach() for own in [listener, client, *nurseries.values()])])
                    _nurse(own_end, request["environment"])
                    return
                own_end.close()
            _send(nurseries[kind], request, [*files, client.fileno()])
            _close(files)
    for nursery in nurseries.values():
        nursery.close()
    _exit_after_children()


def _nurse(server: socket.socket, environment: dict[str, str]) -> None:
    """Fork a process for each request of the server; returns in those."""
    os.environ.clear()
    os.environ.update(environment)
    while True:
        try:
            request, files = _receive(server)
        except EOFError:
            _exit_after_children()
        _import(STAGES[request["stage"]].module, files)
        if _fork() == 0:
            server.close()
            _supervise(request, files)
            return
        _close(files)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _import(module: str, files: list[int]) -> None:
    """Import a module; what it prints goes to the files of the job that needs it first. Errors are left to the job."""
    if module in sys.modules:
        return
    _take_over(files)
    with suppress(Exception):
        importlib.import_module("lungfuse.command_line")
        importlib.import_module(module)
    gc.freeze()  # what is imported stays, so no job has to look at it, and copy its memory, to find what is garbage
    nothing = os.open(os.devnull, os.O_RDWR)
    _take_over([nothing] * 3)
    os.close(nothing)


def _supervise(request: dict, files: list[int]) -> None:
    """Fork the job and send its client how it ended, or interrupt it when the client has gone; returns in the job."""
    *standard, client = files
    job = _fork()
    if job == 0:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored below a shell's background command
        _take_over(standard)
        _close(files)
        os.chdir(request["folder"])
        sys.argv = request["arguments"]
        del os.environ[SOCKET]
        return
    ended = os.pidfd_open(job)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(client, select.POLLIN)
    if [descriptor for descriptor, _ in waiting.poll()] == [client]:
        waiting.unregister(client)
        os.killpg(job, signal.SIGINT)
        if not waiting.poll(PATIENCE):
            os.killpg(job, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    if code >= 0:  # else a signal has killed it, and so the client hears nothing
        with suppress(OSError):
            os.write(client, str(code).encode())
    os._exit(0)


def _fork() -> int:
    """Fork a child that dies with its parent."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return child


def _exit_after_children() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


def _take_over(files: list[int]) -> None:
    """Make three open files standard input, output and error."""
    sys.stdout.flush()
    sys.stderr.flush()
    for standard, file in enumerate(files[:3]):
        os.dup2(file, standard)


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)


def _send(to: socket.socket, message: dict, files: list[int]) -> None:
    data = json.dumps(message).encode()
    socket.send_fds(to, [len(data).to_bytes(8)], files)
    to.sendall(data)


def _receive(sender: socket.socket) -> tuple[dict, list[int]]:
    """A message with open files; EOFError where the sender has gone."""
    length, files, _, _ = socket.recv_fds(sender, 8, 4)
    data = sender.recv(int.from_bytes(length), socket.MSG_WAITALL) if length else b""
    if len(data) < int.from_bytes(length) or not data:
        _close(files)
        raise EOFError
    return json.loads(data), files
