"""What a stage takes as a process of its own: seconds and peak memory."""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

# Inside the process that works: the peak of a child starts at its parent's memory.
WORK = """
import pickle, runpy, sys, time
start = time.perf_counter()
sys.argv = ["lungfuse", *sys.argv[1:]]
try:
    if sys.argv[1] == "CALL":
        from lungfuse.stages import call
        call(sys.argv[2], pickle.load(open(sys.argv[3], "rb")))
    else:
        runpy.run_module("lungfuse", run_name="__main__", alter_sys=True)
except SystemExit as exit:
    if exit.code:
        raise
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print("MEASURED", time.perf_counter() - start, time.process_time(), peak)
"""
EVERY = 0.02  # seconds between two looks at a process


class Taken(NamedTuple):
    """Seconds and those of the processor, with the start of Python and its imports; peak memory in MB, with the files
    that are mapped and without. Mapped files are given back to whoever needs the memory.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    own_mb: float


def measure(*arguments: object, folder: Path | None = None, threads: int | None = None) -> Taken:
    """Run `python -m lungfuse` with `arguments` in a folder, on so many threads.

    Raises:
        subprocess.CalledProcessError: the stage has failed.
    """
    command = [sys.executable, "-c", WORK, *map(str, arguments)]
    limits = {} if threads is None else {f"{name}_NUM_THREADS": str(threads) for name in ["OMP", "OPENBLAS"]}
    own = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=os.environ | limits) as process:
        while process.poll() is None:
            own = max(own, _own_mb(process.pid))
            time.sleep(EVERY)
        printed = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Taken(*map(float, printed.split("MEASURED")[1].split()), own)


def measure_call(stage: str, arguments: dict, threads: int | None = None) -> Taken:
    """Run a stage with arguments by name; see `measure`."""
    with tempfile.NamedTemporaryFile() as given:
        given.write(pickle.dumps(arguments))
        given.flush()
        return measure("CALL", stage, given.name, threads=threads)


def _own_mb(process: int) -> float:
    """What a process holds at this moment, without mapped files."""
    status = Path(f"/proc/{process}/status").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) / 1024
