"""Snakemake and DVC agree on what is up to date, whatever happens to the files and whichever of them works next.

Each test is one situation. It says which jobs ran and which should have, and ends with both tools content. What a
training would compute does not matter here: stages that compute for long write stand-in outputs.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import yaml
from conftest import HEAVY_AND_LAST, changed_setting, keep_rows, run_tool, start_tool, truncate
from dvc.repo import Repo
from engines import Engine

from lungfuse.files import sha256

ROWS = ["majority", "tfidf", "image", "text"]
REPORT = Counter(figures=1, pictures=1, pages=1, report_html=1)
COMPARED = Counter(compare=1) + REPORT
PAIRS = Counter(reports=1, images=1, filter=1, data_check=1, split=1)
TEXT = Counter(train=2, pool_folds=1) + COMPARED
TFIDF = Counter(baseline=2) + COMPARED
POOLED = Counter(pool_folds=2) + COMPARED
TRAINED = Counter(image_encoder=1, text_encoder=1, pretrain=1, train=4) + POOLED
ENCODERS = {"data/dvc.yaml:image_encoder_vit-tiny", "data/dvc.yaml:text_encoder_bert-tiny"}
TOOLS = ["snakemake", "dvc repro"]
RATES = (round(0.001 + step * 1e-5, 6) for step in count())


@dataclass
class Project:
    """A clone of the project whose small openi study is worked on by both tools."""

    folder: Path

    def run(self, command: str, timeout: int = 600) -> subprocess.CompletedProcess:
        return run_tool(self.folder, *command.split(), timeout=timeout)

    def start(self, command: str, training: int = 2) -> subprocess.Popen | Engine:
        """Start a run in which a training takes some seconds."""
        log = self.folder / ".snakemake/started.log"
        return start_tool(self.folder, log, *command.split(), STAND_IN_SECONDS=str(training))

    def does(self, tool: str) -> Counter:
        """Let a tool do its work; the rules whose jobs ran, with their numbers."""
        before = set(self.logs())
        done = self.run({"snakemake": "snakemake --cores 2"}.get(tool, tool))
        assert done.returncode == 0, done.stdout
        return self.finished(set(self.logs()) - before)

    def logs(self) -> Iterator[Path]:
        return (self.folder / ".snakemake/log").glob("*.log")

    def finished(self, logs: set[Path]) -> Counter:
        rules = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", "".join(log.read_text() for log in logs))
        return Counter(rule for rule in rules if rule not in ("default", "all"))

    def would_do(self) -> Counter:
        """What Snakemake would run; finding that out changes no file."""
        before = self.files()
        dry = self.run("snakemake -n")
        assert dry.returncode == 0, dry.stdout
        after = self.files()
        assert {path for path in before | after if before.get(path) != after.get(path)} == set(), dry.stdout
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", dry.stdout, re.M))
        return Counter({rule: int(number) for rule, number in jobs.items() if rule not in ("default", "total")})

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

    def new_rate(self) -> None:
        """Give the row `text` a learning rate it never had."""
        self.set("studies", "openi", "models", "text", "train", "learning_rate", to=next(RATES))

    def set(self, *place: str, to: object) -> None:
        with changed_setting(self.folder / "params.yaml", *place, to=to):
            changed = (self.folder / "params.yaml").read_text()
        (self.folder / "params.yaml").write_text(changed)

    def commit(self, message: str) -> None:
        author = "-c user.name=t -c user.email=t@example.org"
        for command in ["git add -A", f"git {author} commit -q --allow-empty -m {message}"]:
            assert self.run(command).returncode == 0


@pytest.fixture(scope="module")
def project(new_project, drawn_raw) -> Project:
    """The study, run once by Snakemake."""
    folder = new_project(rows=None, stand_ins=HEAVY_AND_LAST)
    keep_rows(folder / "params.yaml", "openi", ROWS, folds=2, epochs=1)
    shutil.copytree(drawn_raw, folder / "data/raw/openi")
    project = Project(folder)
    project.new_rate()
    assert project.run(f"{sys.executable} workflow/scripts/dvc_stages.py").returncode == 0
    assert project.run("git init -q").returncode == 0
    project.commit("start")
    ran = project.does("snakemake")
    once = Counter(image_encoder=1, text_encoder=1, pretrain=1, train=2, pool_folds=1)
    assert ran == TEXT + TFIDF + PAIRS + once - COMPARED
    return project


def test_what_snakemake_has_made_is_in_dvc(project):
    assert project.agree_on_nothing_to_do()
    assert project.does("dvc repro") == Counter()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_learning_rate_reruns_that_model_and_what_reads_it(project, tool):
    project.new_rate()
    assert project.would_do() == TEXT
    assert project.stale() == {"train_text", "compare", "pages"}
    assert project.does(tool) == TEXT
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize(
    ("tool", "module", "would", "stale", "does"),
    [
        ("snakemake", "train/pool_folds.py", POOLED, {"train_image", "train_text"}, POOLED),
        (
            "dvc repro",
            "encoders/network.py",
            TRAINED,
            {"pretrain", "train_image", "train_text", *ENCODERS},
            TRAINED - COMPARED,
        ),
    ],
)
def test_a_changed_module_reruns_what_imports_it(project, tool, module, would, stale, does):
    with (project.folder / "workflow/lungfuse" / module).open("a") as code:
        code.write("# a remark\n")
    assert project.would_do() == would
    assert project.stale() == stale
    assert project.does(tool) == does, "DVC ends the chain where the scores are the same again"
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize("tool", TOOLS)
def test_changed_raw_data_rerun_what_is_made_of_them(project, tool):
    views = project.folder / "data/raw/openi/indiana_projections.csv"
    views.write_text(views.read_text().replace("Frontal", "Lateral", 20))
    made_of_it = TEXT + TFIDF + PAIRS + Counter(pretrain=1, train=2, pool_folds=1)
    made_of_it -= COMPARED
    checked = {"snakemake": Counter(), "dvc repro": Counter(download=4)}
    assert project.does(tool) == made_of_it + checked[tool]
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_changed_shell_command_reruns_its_rule(project, tool):
    rules = project.folder / "workflow/rules/report.smk"
    rules.write_text(rules.read_text().replace("-m lungfuse figures", " -m lungfuse figures"))
    assert project.run("make dvc PYTHON=python -o env").returncode == 0
    same_figures_again = {"snakemake": Counter(figures=1, report_html=1), "dvc repro": Counter(figures=1)}
    assert project.does(tool) == same_figures_again[tool]
    assert project.agree_on_nothing_to_do()


def test_what_a_partial_run_leaves_out_stays_stale_in_dvc(project):
    project.new_rate()
    project.set("studies", "openi", "models", "tfidf", "settings", to={"c": 0.9})
    targets = [f"results/openi/predictions/{row}.csv" for row in ["majority", "tfidf"]]
    assert project.does(f"snakemake --cores 2 {' '.join(targets)}") == Counter(baseline=1)
    assert project.stale() == {"train_text", "compare", "figures", "pictures", "pages"}
    assert project.does("dvc repro") == TEXT
    assert project.agree_on_nothing_to_do()


@contextmanager
def older_commit(project: Project) -> Iterator[None]:
    """Go back to the commit before and its files, and forward again."""
    for command in ["git checkout -q HEAD~1", "dvc checkout -q"]:
        assert project.run(command).returncode == 0
    yield
    for command in ["git checkout -q -f -", "dvc checkout -q"]:
        assert project.run(command).returncode == 0


def reading_changes_nothing(project: Project) -> None:
    """With something to sync, a dry run says what a run would do, and it and other ways to look change nothing."""

    def files() -> set[tuple]:
        return {(path, date) for path, date in project.files().items() if ".snakemake/log" not in str(path)}

    def states() -> tuple[str, set[str]]:
        return project.run("git status --porcelain").stdout, project.stale()

    states_before, files_before = states(), files()
    said = project.run("snakemake -n").stdout
    assert re.search(r"dvc sync: a run would find \d+ jobs brought by DVC up to date\n", said), said
    for options in ["--summary", "--rulegraph", "--list-changes params", "--lint", "--unlock"]:
        assert project.run(f"snakemake {options}").returncode == 0
    assert files() ^ files_before == set()
    assert states() == states_before


def test_an_older_commit_comes_back_without_a_job_and_a_setting_changed_right_then_is_seen(project):
    project.commit("older")
    project.new_rate()
    project.does("snakemake")
    project.commit("newer")
    with older_commit(project):
        reading_changes_nothing(project)
        assert project.agree_on_nothing_to_do()
    assert project.agree_on_nothing_to_do()
    with older_commit(project):
        # Snakemake's records are of the newer outputs then, whose settings come back with the edit.
        project.run("git checkout -q - -- params.yaml")
        assert project.would_do() == TEXT
    assert project.agree_on_nothing_to_do()


def test_what_dvc_takes_from_its_run_cache_is_known_to_snakemake(project):
    before = (project.folder / "params.yaml").read_text()
    project.new_rate()
    after = (project.folder / "params.yaml").read_text()
    project.does("dvc repro")
    (project.folder / "params.yaml").write_text(before)
    project.does("dvc repro")
    (project.folder / "params.yaml").write_text(after)
    assert project.does("dvc repro") == Counter()
    assert project.agree_on_nothing_to_do()


@pytest.fixture(scope="module")
def clone(project, tmp_path_factory) -> Project:
    """A fresh clone that has pulled its data."""
    remote, folder = tmp_path_factory.mktemp("remote"), tmp_path_factory.mktemp("clone") / "lungfuse"
    for command in [f"dvc remote add -d -f -q storage {remote}", "dvc push -q"]:
        assert project.run(command).returncode == 0
    project.commit("remote")
    assert project.run(f"git clone -q . {folder}").returncode == 0
    clone = Project(folder)
    pull = clone.run("dvc pull -q")
    assert pull.returncode == 0, pull.stdout
    return clone


def test_a_setting_changed_before_the_first_run_in_a_clone_is_seen(clone):
    rate = ["studies", "openi", "models", "text", "train", "learning_rate"]
    with changed_setting(clone.folder / "params.yaml", *rate, to=0.5):
        assert clone.would_do() == TEXT
    assert clone.agree_on_nothing_to_do()


def test_a_clone_has_nothing_to_do_and_sees_every_change(clone):
    rate = ["studies", "openi", "models", "text", "train", "learning_rate"]
    with changed_setting(clone.folder / "params.yaml", *rate, to=0.6):
        assert clone.would_do() == TEXT
    module = clone.folder / "workflow/lungfuse/train/baseline.py"
    code = module.read_text()
    module.write_text(code + "# a remark\n")
    assert clone.would_do() == TFIDF
    module.write_text(code)
    reports = clone.folder / "data/raw/openi/indiana_projections.csv"
    raw = reports.read_text()
    reports.write_text("\n".join(raw.splitlines()[:-5]) + "\n")
    assert clone.would_do()["reports"] == 1
    reports.write_text(raw)
    assert clone.agree_on_nothing_to_do()
    assert clone.does("dvc repro") == Counter()


def test_new_dates_alone_are_no_change(project):
    for path in project.folder.rglob("*"):
        if path.is_file() and not {".git", ".dvc", ".snakemake"} & set(path.relative_to(project.folder).parts):
            path.touch()
    assert project.agree_on_nothing_to_do()


def test_an_output_edited_by_hand_is_never_taken_for_made(project):
    predictions = project.folder / "results/openi/predictions/tfidf.csv"
    made = predictions.read_text()
    predictions.write_text(made.replace("0.", "0.9"))
    for _ in range(2):
        assert project.would_do() == COMPARED, "Snakemake sees another input"
        assert project.stale() == {"baseline", "compare", "figures", "pictures", "pages"}
    assert project.does("dvc repro") == Counter(), "DVC has what the stage made"
    assert predictions.read_text() == made
    assert project.agree_on_nothing_to_do()


def test_a_failed_run_is_undone_by_reverting_and_checkout(project):
    module = project.folder / "workflow/lungfuse/train/pool_folds.py"
    code = module.read_text()
    module.write_text(code + "raise RuntimeError\n")
    assert project.run("snakemake --cores 2").returncode != 0
    module.write_text(code)
    assert project.would_do() == Counter(pool_folds=2) + COMPARED
    assert project.run("dvc checkout -q").returncode == 0
    assert project.agree_on_nothing_to_do()


def test_an_experiment_in_a_folder_of_its_own_leaves_this_one_alone(project):
    project.commit("now")
    rate = f"studies.openi.models.text.train.learning_rate={next(RATES)}"
    experiment = project.run(f"dvc exp run --temp -S {rate} --name faster")
    assert experiment.returncode == 0, experiment.stdout
    assert project.agree_on_nothing_to_do()
    assert "faster" in project.run("dvc exp show --csv").stdout
    assert project.run("dvc exp apply faster").returncode == 0
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize(("killed", "next_tool"), [TOOLS, TOOLS[::-1]])
def test_a_kill_in_the_middle_of_a_stage_loses_nothing(project, killed, next_tool):
    project.new_rate()
    run = project.start({"snakemake": "snakemake --cores 1"}.get(killed, killed))
    wait_for_a_job(project, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    locked = project.run("snakemake --cores 2")
    assert "locked" in locked.stdout
    assert project.run("snakemake --unlock").returncode == 0
    assert project.does(next_tool) == TEXT
    assert project.agree_on_nothing_to_do()


def test_an_interrupted_sync_is_done_again(project):
    project.new_rate()
    lock = project.folder / "dvc.lock"
    before = lock.stat().st_mtime_ns
    run = project.start("snakemake --cores 2", training=0)
    wait_until(lambda: lock.stat().st_mtime_ns != before, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert project.run("snakemake --unlock").returncode == 0
    assert project.does("snakemake") == Counter()
    assert project.agree_on_nothing_to_do()


def test_a_kill_between_the_new_dates_and_the_lock_of_a_commit_is_mended(project):
    state = project.folder / ".snakemake/dvc/openi.json"
    before = json.loads(state.read_text())
    project.new_rate()
    assert project.does("snakemake") == TEXT
    made = [output for output in json.loads(state.read_text())["outputs"] if (project.folder / output).is_file()]
    contents = {output: sha256(project.folder / output) for output in made}
    state.write_text(json.dumps(before | {"committing": contents}))
    truncate(project.folder / "dvc.lock", keep=0)
    assert project.does("snakemake") == Counter()
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_lock_file_that_a_kill_has_cut_off_is_put_back(project, kept):
    lock = project.folder / "dvc.lock"
    whole = yaml.safe_load(lock.read_text())
    truncate(lock, kept)
    said = project.run("snakemake -n").stdout
    assert re.search(r"dvc.lock was cut off by a kill; a run puts back|a run would record \d+ stages in DVC", said), (
        said
    )
    assert lock.stat().st_size < len(yaml.safe_dump(whole)), "a dry run does not"
    assert project.does("snakemake") == Counter()
    assert yaml.safe_load(lock.read_text()) == whole
    assert project.agree_on_nothing_to_do()


@pytest.mark.parametrize("first", TOOLS)
def test_two_runs_at_once_never_meet(project, first):
    project.new_rate()
    run = project.start({"snakemake": "snakemake --cores 1"}.get(first, first))
    wait_for_a_job(project, run)
    for second in ["snakemake --cores 1", "dvc repro"]:
        refused = project.run(second)
        assert refused.returncode != 0
        assert re.search("cannot be locked|is busy|Unable to acquire lock", refused.stdout), refused.stdout
    assert run.wait(timeout=600) == 0
    assert project.agree_on_nothing_to_do()


def test_the_sync_can_be_switched_off(project):
    project.set("dvc_sync", to=False)
    project.new_rate()
    ran = project.run("snakemake --cores 2")
    assert ran.returncode == 0
    assert "dvc sync" not in ran.stdout
    assert "train_text" in project.stale()
    project.set("dvc_sync", to=True)
    assert re.search(r"dvc sync: a run would record \d stages in DVC", project.run("snakemake -n").stdout)
    assert project.does("snakemake") == Counter()
    assert project.agree_on_nothing_to_do(), "switched on again, it finds what Snakemake has made meanwhile"


def test_a_sync_that_fails_stops_a_run_before_its_jobs_and_loses_nothing_after_them(project):
    broken = project.folder / ".dvc/config.local"
    project.new_rate()
    project.does("dvc repro")
    broken.write_text("[core\n")
    refused = project.run("snakemake --cores 2")
    assert refused.returncode != 0
    assert "dvc sync: failed (" in refused.stdout and "Not started" in refused.stdout
    broken.unlink()
    assert project.does("snakemake") == Counter()

    project.new_rate()
    broken.write_text("[core\n")
    ran = project.run("snakemake --cores 2")
    assert ran.returncode == 0
    assert "dvc sync: failed (" in ran.stdout
    assert "Traceback" not in refused.stdout + ran.stdout
    broken.unlink()
    assert project.does("snakemake") == Counter()
    assert project.agree_on_nothing_to_do()


def wait_for_a_job(project: Project, run: subprocess.Popen | Engine) -> None:
    """Wait until a run has started a job; the sync marks some incomplete before, when nothing is locked yet."""
    signs = [project.folder / ".snakemake" / kind for kind in ["locks", "incomplete"]]
    wait_until(lambda: all(sign.exists() and any(sign.iterdir()) for sign in signs), run)


def wait_until(true: Callable[[], bool], run: subprocess.Popen | Engine) -> None:
    """Wait until something is true while a run goes on."""
    for _ in range(1200):
        if true():
            return
        assert run.poll() is None, "the run has ended before"
        time.sleep(0.1)
    raise TimeoutError
