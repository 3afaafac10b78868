"""The commands `snakemake` and `dvc`, forked from a process that has imported what takes them a second to import."""

import multiprocessing
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

COMMANDS = {"snakemake": "snakemake.cli", "dvc": "dvc.cli"}
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["__main__", *COMMANDS.values(), "dvc.cli.parser", "dvc.repo", "pandera.pandas"])


class Engine(_forks.Process):
    """A command in a folder and a session of its own, with methods of `subprocess.Popen`.

    What it prints and its errors go to the file `output`.
    """

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], output: Path):
        super().__init__(target=_run, args=(command, folder, environment, output))
        self.start()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self._args[0], timeout)
        return self.exitcode


def _run(command: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in [1, 2]:
        os.dup2(file, stream)
    sys.argv = command
    sys.path = [place for place in sys.path if not Path(place).is_relative_to(Path(__file__).parent)]
    sys.exit(import_module(COMMANDS[command[0]]).main())
