"""Stand-ins of stages, on which the tests of orchestration rest."""

import subprocess
import sys

import pytest
from conftest import HEAVY, run_tool
from small_study import TRAIN, command_line

from lungfuse.tables.base import read_table
from lungfuse.tables.training import FoldPredictions


@pytest.fixture
def train(new_project, small):
    """Run the stand-in of a training in a folder of the small study, which it shall not import PyTorch for."""
    project = new_project(stand_ins=HEAVY)

    def run(folder: str, *more: str, **changes) -> subprocess.CompletedProcess:
        arguments = small.arguments(small.folder / folder) | changes
        command = [sys.executable, "-X", "importtime", "-m", "lungfuse", "train", *command_line(arguments), *more]
        return run_tool(small.folder, *command, PYTHONPATH=str(project / "workflow"))

    return run


def test_a_stand_in_writes_what_depends_on_all_it_is_given(small, train):
    ran = train("first")
    assert ran.returncode == 0, ran.stdout
    assert " torch" not in ran.stdout
    train("again", threads=2)
    train("other_setting", train=TRAIN.model_copy(update={"gradient_clip": 2.0}))
    train("other_folder", features={"image": small.folder / "first"})
    small.images[0] += 1
    small.write()
    train("other_image")
    scores = {folder: (small.folder / folder / "predictions.csv").read_text() for folder in ["first", "again"]}
    assert scores["first"] == scores["again"]
    folders = ["other_setting", "other_folder", "other_image"]
    others = {(small.folder / folder / "predictions.csv").read_text() for folder in folders}
    assert len(others - set(scores.values())) == 3
    table = read_table(small.folder / "first/predictions.csv", FoldPredictions)
    assert set(table["pair_id"][table["part"] == "test"]) == set(small.pairs["pair_id"][small.pairs["fold"] == 0])


@pytest.mark.parametrize(
    ("more", "changes", "message"),
    [
        (["--unheard-of", "1"], {}, "unheard-of"),
        ([], {"fold": "first"}, '"first" into int'),
        ([], {"pairs": "none.csv"}, "none.csv"),
    ],
)
def test_a_stand_in_fails_where_its_stage_would(small, train, more, changes, message):
    ran = train("failed", *more, **changes)
    assert ran.returncode != 0
    assert message in ran.stdout
    assert not (small.folder / "failed").exists()
