"""Jobs forked from a process that has imported their stage, as they run under Snakemake on one machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungfuse import prefork

STAGE = """
import os, sys, time
from pathlib import Path

print("imported")

def main(*, words: str) -> None:
    try:
        print(os.getpid(), Path.cwd().name, os.environ.get("COLOUR"), sys.argv[1:], flush=True)
        time.sleep(60 if words == "wait" else 0)
    finally:
        Path("cleaned").touch()
    sys.exit({"fail": 3, "explain": "no such case"}.get(words, 0))
"""


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Path]:
    """A server whose stage `late` is the one above, and the folder that jobs are asked for in."""
    package = tmp_path / "lungfuse"
    package.mkdir()
    source = Path(prefork.__file__).parent
    for entry in source.iterdir():
        (package / entry.name).symlink_to(entry)
    (package / "train").unlink()
    (package / "train").mkdir()
    for name, text in {"__init__.py": "", "late.py": STAGE}.items():
        (package / "train" / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(prefork, "__file__", str(package / "prefork.py"))
    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell leaves it to what it runs in the background
    with prefork.server():
        signal.signal(signal.SIGINT, heeded)
        yield tmp_path


def job(folder: Path, words: str, **variables: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "lungfuse", "late", "--words", words]
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_jobs_of_a_stage_import_it_once_and_are_processes_of_their_own(served):
    first, second = (job(served, "done").communicate()[0] for _ in range(2))
    assert first.startswith("imported\n")
    assert "imported" not in second, "the second job is forked from the process that has imported for the first"
    assert first.split()[1] != second.split()[0]


def test_a_job_has_the_folder_environment_and_arguments_of_its_command(served):
    (served / "elsewhere").mkdir()
    printed, _ = job(served / "elsewhere", "done", COLOUR="red").communicate()
    assert printed.splitlines()[1].split(" ", 1)[1] == "elsewhere red ['late', '--words', 'done']"


@pytest.mark.parametrize(("words", "code", "said"), [("fail", 3, ""), ("explain", 1, "no such case\n")])
def test_a_command_ends_as_its_job_does(served, words, code, said):
    ended = job(served, words)
    assert ended.communicate()[1] == said
    assert ended.returncode == code


def test_a_job_whose_command_is_killed_cleans_up(served):
    waiting = job(served, "wait")
    waiting.stdout.readline()
    process = int(waiting.stdout.readline().split()[0])
    waiting.kill()
    wait_for_end(process)
    assert (served / "cleaned").exists()


def test_a_job_that_is_killed_fails_its_command(served):
    waiting = job(served, "wait")
    waiting.stdout.readline()
    os.kill(int(waiting.stdout.readline().split()[0]), signal.SIGKILL)
    assert "late: its process was ended" in waiting.communicate()[1]
    assert waiting.returncode == 1


def test_no_job_outlives_the_server(served):
    waiting = job(served, "wait")
    waiting.stdout.readline()
    process = int(waiting.stdout.readline().split()[0])
    parent = int(Path(f"/proc/{process}/stat").read_text().rsplit(")")[1].split()[1])
    os.kill(parent, signal.SIGKILL)
    wait_for_end(process)
    assert waiting.wait(timeout=10) == 1


def test_without_a_server_the_command_runs_the_stage_itself(served, monkeypatch):
    monkeypatch.setenv(prefork.SOCKET, str(served / "nobody"))
    printed, _ = job(served, "done").communicate()
    assert printed.startswith("imported\n")


def wait_for_end(process: int) -> None:
    for _ in range(100):
        if not Path(f"/proc/{process}").exists():
            return
        time.sleep(0.1)
    raise TimeoutError
