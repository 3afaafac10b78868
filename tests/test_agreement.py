"""Snakemake and DVC agree on what is up to date, whatever happens to the files and whichever of them works next.

Each test is one situation of a small study of six rules, see tests/toy. It says which jobs ran and which should have,
and ends with both tools content. tests/test_dvc.py does the same with the project's own rules.
"""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
import yaml
from agreeing import TOOLS, Project, remark, touch_all, toy_project, wait_until
from conftest import changed_setting, truncate

from lungfuse.files import sha256

COMPARED = Counter(compare=1, page=1)
LATE = Counter(train=2, pool=1) + COMPARED
ALL = Counter(train=4, pool=2) + COMPARED  # `late` reads what `early` has learned
RATES = count(10)
RATE = ["studies", "toy", "models", "late", "train", "rate"]
REPRO = Counter(fetch=1)  # DVC lets the job look at a given file that has changed


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Project:
    """The study, run once by Snakemake."""
    toy = toy_project(tmp_path_factory.mktemp("toy") / "toy")
    assert toy.does("snakemake") == ALL + Counter(split=1)
    return toy


def new_rate(toy: Project) -> None:
    """Give the model `late` a learning rate it never had."""
    toy.set(*RATE, to=next(RATES))


def test_what_snakemake_has_made_is_in_dvc(toy):
    assert toy.agree_on_nothing_to_do()
    assert toy.does("dvc repro") == Counter()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_setting_reruns_its_model_and_what_reads_it(toy, tool):
    new_rate(toy)
    assert toy.would_do() == LATE
    assert toy.stale() == {"plan", "late"}
    assert toy.does(tool) == LATE
    assert toy.agree_on_nothing_to_do()


def test_an_edited_module_reruns_the_jobs_whose_code_it_is(toy):
    remark(toy.folder / "workflow/code/pool.sh")
    assert toy.would_do() == toy.does("snakemake") == Counter(pool=2) + COMPARED
    assert toy.agree_on_nothing_to_do()
    remark(toy.folder / "workflow/code/split.sh")
    assert toy.would_do() == ALL + Counter(split=1)
    assert toy.stale() == {"plan"}
    assert toy.does("dvc repro") == Counter(split=1), "DVC ends the chain where the result is the same again"
    assert toy.agree_on_nothing_to_do()
    (toy.folder / "workflow/code/unused.sh").write_text("# nobody's code\n")
    assert toy.stale() == {"plan"}
    assert toy.would_do() == toy.does("dvc repro") == Counter()
    assert toy.agree_on_nothing_to_do()


def test_raw_data_an_input_by_hand_and_a_shell_command_rerun_what_is_made_of_them(toy):
    raw, rules = toy.folder / "data/raw/toy/words.txt", toy.folder / "Snakefile"
    for tool, looked_at in {"snakemake": Counter(), "dvc repro": REPRO}.items():
        raw.write_text(raw.read_text() + "four\n")
        assert toy.does(tool) == ALL + Counter(split=1) + looked_at
        assert toy.agree_on_nothing_to_do()
        rules.write_text(rules.read_text().replace("for page", " for page"))
        assert toy.would_do() == toy.does(tool) == Counter(page=1)
        assert toy.agree_on_nothing_to_do()


def test_folds_that_change_the_list_of_files_need_no_new_stages(toy):
    before = (toy.folder / "dvc.yaml").read_text()
    for tool, folds in {"dvc repro": 3, "snakemake": 2}.items():
        toy.set("defaults", "split", "folds", to=folds)
        changed = Counter(split=1, train=2 * folds, pool=2) + COMPARED
        assert toy.does(tool) == changed
        assert toy.agree_on_nothing_to_do()
    assert (toy.folder / "dvc.yaml").read_text() == before


def test_what_a_partial_run_leaves_out_stays_stale_in_dvc(toy):
    new_rate(toy)
    toy.set("defaults", "seed", to=next(RATES))
    assert toy.does("snakemake --cores 2 results/toy/predictions/late.txt") == LATE - COMPARED
    assert toy.stale() == {"compare", "page"}
    assert toy.does("dvc repro") == COMPARED
    assert toy.agree_on_nothing_to_do()


def test_a_stage_of_dvc_runs_no_job_of_another(toy):
    """Also where Snakemake's records are of other settings, because DVC has brought the files of these."""
    before = (toy.folder / "params.yaml").read_text()
    toy.set("studies", "toy", "models", "early", "train", "rate", to=next(RATES))
    toy.does("dvc repro")
    (toy.folder / "params.yaml").write_text(before)
    new_rate(toy)
    assert toy.does("dvc repro") == LATE, "`early` comes from DVC's run cache"
    assert toy.agree_on_nothing_to_do()


def test_what_dvc_takes_from_its_run_cache_is_known_to_snakemake(toy):
    before = (toy.folder / "params.yaml").read_text()
    new_rate(toy)
    after = (toy.folder / "params.yaml").read_text()
    toy.does("dvc repro")
    for settings in [before, after]:
        (toy.folder / "params.yaml").write_text(settings)
        assert toy.does("dvc repro") <= COMPARED, "metrics are in git, not in the cache of DVC"
    assert toy.agree_on_nothing_to_do()


@contextmanager
def older_commit(toy: Project) -> Iterator[None]:
    """Go back to the commit before and its files, and forward again."""
    for command in ["git checkout -q HEAD~1", "dvc checkout -q"]:
        toy.succeeds(command)
    yield
    for command in ["git checkout -q -f -", "dvc checkout -q"]:
        toy.succeeds(command)


def reading_changes_nothing(toy: Project) -> None:
    """With something to sync, a dry run says what a run would do, and it and other ways to look change nothing."""

    def files() -> set[tuple]:
        return {(path, date) for path, date in toy.files().items() if ".snakemake/log" not in str(path)}

    def states() -> tuple[str, set[str]]:
        return toy.run("git status --porcelain").stdout, toy.stale()

    states_before, files_before = states(), files()
    said = toy.succeeds("snakemake -n")
    assert re.search(r"dvc sync: a run would find \d+ jobs brought by DVC up to date\n", said), said
    for options in ["--summary", "--rulegraph", "--list-changes params", "--unlock"]:
        toy.succeeds(f"snakemake {options}")
    assert files() ^ files_before == set()
    assert states() == states_before


def test_an_older_commit_comes_back_without_a_job_and_a_setting_changed_right_then_is_seen(toy):
    toy.commit("older")
    new_rate(toy)
    toy.does("snakemake")
    toy.commit("newer")
    with older_commit(toy):
        reading_changes_nothing(toy)
        assert toy.agree_on_nothing_to_do()
    assert toy.agree_on_nothing_to_do()
    with older_commit(toy):
        # Snakemake's records are of the newer outputs then, whose settings come back with the edit.
        toy.run("git checkout -q - -- params.yaml")
        assert toy.would_do() == LATE
    assert toy.agree_on_nothing_to_do()


def test_a_clone_that_has_pulled_has_nothing_to_do_and_sees_every_change(toy, tmp_path):
    for command in [f"dvc remote add -d -f -q storage {tmp_path / 'remote'}", "dvc push -q"]:
        toy.succeeds(command)
    toy.commit()
    toy.succeeds(f"git clone -q . {tmp_path / 'clone'}")
    clone = Project(tmp_path / "clone")
    clone.succeeds("dvc pull -q")
    params = clone.folder / "params.yaml"
    with changed_setting(params, *RATE, to=next(RATES)):
        assert clone.would_do() == LATE, "before the first run"
    assert clone.agree_on_nothing_to_do()
    with changed_setting(params, *RATE, to=next(RATES)):
        assert clone.would_do() == LATE
    for file, jobs in {
        "workflow/code/pool.sh": Counter(pool=2) + COMPARED,
        "data/raw/toy/words.txt": ALL + Counter(split=1),
    }.items():
        content = (clone.folder / file).read_text()
        (clone.folder / file).write_text(content + "# more\n")
        assert clone.would_do() == jobs
        (clone.folder / file).write_text(content)
    assert clone.agree_on_nothing_to_do()
    assert clone.does("dvc repro") == Counter()


def test_new_dates_alone_are_no_change(toy):
    touch_all(toy.folder)
    assert toy.agree_on_nothing_to_do()


def test_an_output_edited_by_hand_is_never_taken_for_made(toy):
    predictions = toy.folder / "results/toy/predictions/early.txt"
    made = predictions.read_text()
    predictions.write_text(made + "better\n")
    for _ in range(2):
        assert toy.would_do() == COMPARED, "Snakemake sees another input"
        assert toy.stale() == {"early", "compare"}
    assert toy.does("dvc repro") == Counter(), "DVC has what the stage made"
    assert predictions.read_text() == made
    assert toy.agree_on_nothing_to_do()


def test_a_failed_run_is_undone_by_reverting_and_checkout(toy):
    module = toy.folder / "workflow/code/pool.sh"
    code = module.read_text()
    module.write_text(code + "exit 1\n")
    assert toy.run("snakemake --cores 2").returncode != 0
    module.write_text(code)
    assert toy.would_do() == Counter(pool=2) + COMPARED
    toy.succeeds("dvc checkout -q")
    assert toy.agree_on_nothing_to_do()


def test_an_experiment_in_a_folder_of_its_own_leaves_this_one_alone(toy):
    toy.commit()
    toy.succeeds(f"dvc exp run --temp -S {'.'.join(RATE)}={next(RATES)} --name faster")
    assert toy.agree_on_nothing_to_do()
    assert "faster" in toy.succeeds("dvc exp show --csv")
    toy.succeeds("dvc exp apply faster")
    assert toy.agree_on_nothing_to_do()


def test_an_experiment_may_change_the_list_of_files_and_add_a_model(toy):
    toy.commit()
    toy.succeeds("dvc exp run --temp -S defaults.split.folds=3 -S +studies.toy.models.more={of:early} --name other")
    changed = json.loads(toy.succeeds("dvc metrics diff HEAD other --json"))["results/toy/metrics.json"]
    assert changed["models"] == {"old": 2, "new": 3, "diff": 1}
    assert toy.agree_on_nothing_to_do()


@pytest.mark.parametrize(("killed", "next_tool"), [TOOLS, TOOLS[::-1]])
def test_a_kill_in_the_middle_of_a_stage_loses_nothing(toy, killed, next_tool):
    new_rate(toy)
    with toy.in_training({"snakemake": "snakemake --cores 1"}.get(killed, killed)) as run:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert "locked" in toy.run("snakemake --cores 2").stdout
    toy.succeeds("snakemake --unlock")
    assert toy.does(next_tool) == LATE
    assert toy.agree_on_nothing_to_do()


def test_an_interrupted_sync_is_done_again(toy):
    new_rate(toy)
    lock = toy.folder / "dvc.lock"
    before = lock.stat().st_mtime_ns
    run = toy.start("snakemake --cores 2")
    wait_until(lambda: lock.stat().st_mtime_ns != before, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    toy.succeeds("snakemake --unlock")
    assert toy.does("snakemake") == Counter()
    assert toy.agree_on_nothing_to_do()


def test_a_kill_between_the_new_dates_and_the_lock_of_a_commit_is_mended(toy):
    state = toy.folder / ".snakemake/dvc/toy.json"
    before = json.loads(state.read_text())
    new_rate(toy)
    assert toy.does("snakemake") == LATE
    made = [output for output in json.loads(state.read_text())["outputs"] if (toy.folder / output).is_file()]
    contents = {output: sha256(toy.folder / output) for output in made}
    state.write_text(json.dumps(before | {"committing": contents}))
    truncate(toy.folder / "dvc.lock", keep=0)
    assert toy.does("snakemake") == Counter()
    assert toy.agree_on_nothing_to_do()


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_lock_file_that_a_kill_has_cut_off_is_put_back(toy, kept):
    lock = toy.folder / "dvc.lock"
    whole = yaml.safe_load(lock.read_text())
    truncate(lock, kept)
    said = toy.run("snakemake -n").stdout
    expected = r"dvc.lock was cut off by a kill; a run puts back|a run would record \d+ stages in DVC"
    assert re.search(expected, said), said
    assert lock.stat().st_size < len(yaml.safe_dump(whole)), "a dry run does not"
    assert toy.does("snakemake") == Counter()
    assert yaml.safe_load(lock.read_text()) == whole
    assert toy.agree_on_nothing_to_do()


@pytest.mark.parametrize("first", TOOLS)
def test_two_runs_at_once_never_meet(toy, first):
    new_rate(toy)
    with toy.in_training({"snakemake": "snakemake --cores 1"}.get(first, first)) as run:
        for second in ["snakemake --cores 1", "dvc repro"]:
            refused = toy.run(second)
            assert refused.returncode != 0
            assert re.search("cannot be locked|is busy|Unable to acquire lock", refused.stdout), refused.stdout
    assert run.wait(timeout=600) == 0
    assert toy.agree_on_nothing_to_do()


def test_the_sync_can_be_switched_off(toy):
    toy.set("dvc_sync", to=False)
    new_rate(toy)
    assert "dvc sync" not in toy.succeeds("snakemake --cores 2")
    assert "late" in toy.stale()
    toy.set("dvc_sync", to=True)
    assert re.search(r"dvc sync: a run would record \d stages in DVC", toy.succeeds("snakemake -n"))
    assert toy.does("snakemake") == Counter()
    assert toy.agree_on_nothing_to_do(), "switched on again, it finds what Snakemake has made meanwhile"


def test_a_sync_that_fails_stops_a_run_before_its_jobs_and_loses_nothing_after_them(toy):
    broken = toy.folder / ".dvc/config.local"
    new_rate(toy)
    toy.does("dvc repro")
    broken.write_text("[core\n")
    refused = toy.run("snakemake --cores 2")
    assert refused.returncode != 0
    assert "dvc sync: failed (" in refused.stdout and "Not started" in refused.stdout
    broken.unlink()
    assert toy.does("snakemake") == Counter()

    new_rate(toy)
    broken.write_text("[core\n")
    ran = toy.succeeds("snakemake --cores 2")
    assert "dvc sync: failed (" in ran
    assert "Traceback" not in refused.stdout + ran
    broken.unlink()
    assert toy.does("snakemake") == Counter()
    assert toy.agree_on_nothing_to_do()
