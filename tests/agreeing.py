"""A project that Snakemake and DVC both work on, and what a test asks of it."""

import os
import re
import shutil
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, changed_setting, run_tool, start_tool
from dvc.repo import Repo
from engines import Engine

NO_JOBS = ("default", "all", "total")
TOOLS = ["snakemake", "dvc repro"]


@dataclass
class Project:
    """A folder under git whose study is worked on by both tools."""

    folder: Path

    def run(self, command: str, timeout: int = 600) -> subprocess.CompletedProcess:
        return run_tool(self.folder, *command.split(), timeout=timeout)

    def succeeds(self, command: str) -> str:
        """What a command prints that ends well."""
        done = self.run(command)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self, command: str) -> subprocess.Popen | Engine:
        return start_tool(self.folder, self.folder / ".snakemake/started.log", *command.split())

    @contextmanager
    def in_training(self, command: str) -> Iterator[subprocess.Popen | Engine]:
        """A run whose first training lasts as long as the block."""
        hold = self.folder / "hold"
        hold.touch()
        run = self.start(command)
        # The sync marks jobs as started before, when nothing is locked yet.
        signs = [self.folder / ".snakemake" / kind for kind in ["locks", "incomplete"]]
        wait_until(lambda: all(sign.exists() and any(sign.iterdir()) for sign in signs), run)
        try:
            yield run
        finally:
            hold.unlink()

    def does(self, tool: str) -> Counter:
        """Let a tool do its work; the rules whose jobs ran, with their numbers."""
        before = set(self.logs())
        self.succeeds({"snakemake": "snakemake --cores 2"}.get(tool, tool))
        return self.finished(set(self.logs()) - before)

    def logs(self) -> Iterator[Path]:
        return (self.folder / ".snakemake/log").glob("*.log")

    def finished(self, logs: set[Path]) -> Counter:
        text = "".join(log.read_text() for log in logs)
        rules = re.findall(r"Finished jobid: \d+ \(Rule: ([\w-]+)\)", text)
        return Counter(rule for rule in rules if rule not in NO_JOBS and not rule.startswith("stage_"))

    def would_do(self) -> Counter:
        """What Snakemake would run; finding that out changes no file."""
        before = self.files()
        said = self.succeeds("snakemake -n")
        after = self.files()
        assert {path for path in before | after if before.get(path) != after.get(path)} == set(), said
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", said, re.M))
        return Counter({rule: int(number) for rule, number in jobs.items() if rule not in NO_JOBS})

    def files(self) -> dict[Path, tuple[int, int]]:
        """Date and size of every file, but for compiled code and Snakemake's own cache of dates."""
        own = {"__pycache__", "iocache"}
        found = ((path, path.lstat()) for path in self.folder.rglob("*") if not own & set(path.parts))
        return {path: (file.st_mtime_ns, file.st_size) for path, file in found if not stat.S_ISDIR(file.st_mode)}

    def stale(self) -> set[str]:
        """The stages that DVC calls changed."""
        with chdir(self.folder), Repo() as repo:
            return set(repo.status())

    def agree_on_nothing_to_do(self) -> bool:
        would_do, stale = self.would_do(), self.stale()
        print(f"Snakemake would do {dict(would_do)}, DVC calls stale {stale}")
        return not would_do and not stale

    def set(self, *place: str, to: object) -> None:
        params = self.folder / "params.yaml"
        with changed_setting(params, *place, to=to):
            changed = params.read_text()
        params.write_text(changed)

    def commit(self, message: str = "now") -> None:
        author = "-c user.name=t -c user.email=t@example.org"
        for command in ["git add -A", f"git {author} commit -q --allow-empty -m {message}"]:
            self.succeeds(command)

    def put_under_dvc(self, study: str) -> str:
        """Begin with git and write the stages; returns what is said of the raw files."""
        self.succeeds("git init -q")
        said = self.succeeds(f"python workflow/scripts/dvc_stages.py --study {study} --copy-links")
        self.commit("start")
        return said


def toy_project(folder: Path) -> Project:
    """The study of tests/toy under the project's own sync."""
    shutil.copytree(ROOT / "tests/toy", folder)
    for path in ["workflow/rules/sync.smk", ".dvc/config", ".dvcignore", ".gitignore"]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    for script in (ROOT / "workflow/scripts").glob("dvc_*.py"):
        if script.name != "dvc_graph.py":
            shutil.copy(script, folder / "workflow/scripts")
    raw = folder / "data/raw/toy"
    raw.mkdir(parents=True)
    (raw / "words.txt").write_text("one two three\n")
    (folder.parent / "labels.txt").write_text("0 1 0\n")
    (raw / "labels.txt").symlink_to(folder.parent / "labels.txt")
    project = Project(folder)
    add = project.put_under_dvc("toy").splitlines()[1].strip()
    assert add == "dvc add data/raw/toy/labels.txt", "no stage makes it"
    project.succeeds(add)
    project.commit("labels")
    return project


def wait_until(true: Callable[[], bool], run: subprocess.Popen | Engine, seconds: int = 120) -> None:
    """Wait until something is true while a run goes on."""
    for _ in range(20 * seconds):
        if true():
            return
        assert run.poll() is None, "the run has ended before"
        time.sleep(0.05)
    raise TimeoutError


def remark(code: Path) -> None:
    """Change a module without changing what it does."""
    with code.open("a") as stream:
        stream.write("# a remark\n")


def touch_all(folder: Path) -> None:
    """Give every file of a project a new date."""
    for path in folder.rglob("*"):
        if path.is_file() and not {".git", ".dvc", ".snakemake"} & set(path.relative_to(folder).parts):
            os.utime(path)
