"""Where the tables of a study come from: raw files by their digests, code by its commit, machines, versions."""

import hashlib
import json
import subprocess

import pandas as pd
import pytest

from lungfuse.analyses.provenance import compute
from lungfuse.commit import commit_in_words
from lungfuse.hardware import machine
from lungfuse.plan.job import flat
from lungfuse.plan.plan import Plan
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Provenance

LIST = "find -L {} -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The provenance of a study of a table and a folder of images, one of them a link, with two trainings."""
    monkeypatch.chdir(tmp_path)
    raw_root = tmp_path / "data/raw/clinic"
    (raw_root / "images/more").mkdir(parents=True)
    (raw_root / "cases.csv").write_text("id\n1\n")
    for name in ["b.png", "a b.png", "more/c.png"]:
        (raw_root / "images" / name).write_bytes(name.encode())
    (tmp_path / "elsewhere.png").write_bytes(b"linked")
    (raw_root / "images/linked.png").symlink_to(tmp_path / "elsewhere.png")
    (raw_root / "differs.txt").write_text("Images are 256 px JPEG, the publisher's PNG.\n\nTwenty are missing.\n")
    raw = [path.relative_to(tmp_path) for path in raw_root.rglob("*") if path.is_file() and path.suffix != ".txt"]
    settings = [tmp_path / f"{fold}.json" for fold in range(3)]
    for path, where in zip(settings, ["GPU X, bf16", None, "GPU X, bf16"], strict=True):
        path.write_text(json.dumps({"machine": where} if where else {}))
    (tmp_path / "verdict.csv").write_text("inputs\n")
    table = compute("clinic", raw, [tmp_path / "verdict.csv"], settings, [raw_root / "differs.txt"])
    write_table(table, tmp_path / "provenance.csv", Provenance)
    return read_table(tmp_path / "provenance.csv", Provenance)


def rows(table: pd.DataFrame, what: str) -> list[tuple]:
    return list(table[table["what"] == what].drop(columns="what").itertuples(index=False, name=None))


def test_raw_files_have_their_digest_and_folders_that_of_their_list_as_the_shell_finds_it(made):
    assert rows(made, "raw file") == [("data/raw/clinic/cases.csv", "5 bytes", hashlib.sha256(b"id\n1\n").hexdigest())]
    ((folder, size, digest),) = rows(made, "raw folder")
    assert (folder, size) == ("data/raw/clinic/images", "4 files, 28 bytes")
    assert digest == subprocess.run(LIST.format(folder), shell=True, capture_output=True, text=True).stdout.split()[0]


def test_code_machines_and_what_differs_are_named(made):
    assert rows(made, "command") == [("", "snakemake --config study=clinic", "")]
    assert [value for _, value, _ in rows(made, "commit")] == [commit_in_words()]
    assert {"python", "lungfuse", "numpy", "torch"} <= {name for name, _, _ in rows(made, "version")}
    machines = [("scores", machine()), ("trainings", "GPU X, bf16: 2 trainings")]
    assert [row[:2] for row in rows(made, "machine")] == [*machines, ("trainings", "not recorded: 1 training")]
    assert [value for _, value, _ in rows(made, "differs")] == [
        "Images are 256 px JPEG, the publisher's PNG.", "Twenty are missing."
    ]  # fmt: skip
    assert rows(made, "table") == [("verdict.csv", "7 bytes", hashlib.sha256(b"inputs\n").hexdigest())]


def test_the_commit_says_whether_code_or_settings_have_changed_and_why_there_is_none(tmp_path):
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    assert commit_in_words(tmp_path).startswith("not recorded: fatal: not a git repository")
    (tmp_path / "params.yaml").write_text("study: demo\n")
    (tmp_path / "README.md").write_text("read\n")
    for words in [["init", "-q"], ["add", "."], ["commit", "-qm", "first"]]:
        subprocess.run([*git, *words], check=True)
    clean = commit_in_words(tmp_path)
    assert len(clean) == 40
    (tmp_path / "README.md").write_text("again\n")
    assert commit_in_words(tmp_path) == clean
    (tmp_path / "params.yaml").write_text("study: openi\n")
    assert commit_in_words(tmp_path) == f"{clean}, with changes in params.yaml"


def test_a_machine_is_named_by_its_processor_and_the_gpus_that_are_seen(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "cpuinfo").write_text("model name\t: AMD EPYC 9654\nmodel name\t: AMD EPYC 9654\n")
    (tmp_path / "gpus/0000:01").mkdir(parents=True)
    (tmp_path / "gpus/0000:01/information").write_text("Model: \t\t NVIDIA H200\nIRQ: 5\n")
    said = machine(tmp_path / "gpus", tmp_path / "cpuinfo")
    assert said.startswith("AMD EPYC 9654, ") and said.endswith(", NVIDIA H200")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine(tmp_path / "gpus", tmp_path / "cpuinfo").endswith("no GPU")


@pytest.mark.parametrize("study", ["demo-full", "openi-text", "tb", "skin"])
def test_it_is_made_after_all_tables_and_decides_none(studies, study):
    plan = Plan(study, studies[study])
    own = plan.analysis("provenance")
    assert set(plan.score_tables) <= set(own.reads["score_tables"]) and plan.raw_inputs
    assert own.outputs["table"] not in plan.score_tables
    assert plan.layout.table("label_errors") not in plan.score_tables, "it names patients"
    others = [plan.analysis(name) for name in plan.analyses if name != "provenance"]
    for job in [*others, plan.compare(), plan.pages()]:
        assert own.outputs["table"] not in flat(job.needed.values())
