"""A search that is killed in the middle is resumed by the other engine, and finds what one finds that was not killed.

The search is real, of a TF-IDF that is fitted in no time. Only its model is asked for: no table, no report.
"""

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from agreeing import TOOLS, Project, wait_until

SPACE = {"settings.c": {"low": 0.01, "high": 100.0, "log": True}, "settings.min_df": {"low": 1, "high": 6}}
SEARCH = {"rounds": 2, "width": 2, "space": SPACE}
MODELS = {"majority": {}, "tfidf": {"text": "indication", "search": SEARCH}}
SEARCHES = {"snakemake": "snakemake --cores 2 stage_tfidf", "dvc repro": "dvc repro tfidf"}  # by their tools
FOLDS, ROUNDS, WIDTH = 2, SEARCH["rounds"], SEARCH["width"]
TRIALS = FOLDS * ROUNDS * WIDTH


@pytest.fixture(scope="module")
def new_study(new_project, drawn_raw, tmp_path_factory) -> Callable[[], Project]:
    """A copy of a study whose pairs are made and whose models are not."""
    first = Project(new_project(models=None))
    params = yaml.safe_load((first.folder / "params.yaml").read_text())
    study = params["studies"]["openi"]
    study |= {"modalities": ["text"], "models": MODELS, "n_seeds": 1, "split": {"folds": FOLDS}}
    study |= {"leakage": {"sections": []}}
    (first.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    shutil.copytree(drawn_raw, first.folder / "data/raw/openi")
    first.put_under_dvc("openi")
    first.succeeds("snakemake --cores 2 results/openi/pairs.csv")

    def copy() -> Project:
        return Project(Path(shutil.copytree(first.folder, tmp_path_factory.mktemp("copy") / "lungfuse", symlinks=True)))

    return copy


def found(project: Project, pattern: str) -> dict[str, str]:
    """The files of the search by their places, with their content."""
    folder = project.folder / "results/openi/searches"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.glob(pattern))}


def agree_that_it_is_found(project: Project) -> bool:
    """Whether neither tool has more to search for."""
    return "Nothing to be done" in project.succeeds("snakemake -n stage_tfidf") and "tfidf" not in project.stale()


@pytest.fixture(scope="module")
def unbroken(new_study) -> dict[str, str]:
    """What a search finds that is not killed."""
    project = new_study()
    done = project.does(SEARCHES["snakemake"])
    assert (done["fit_trial"], done["propose"], done["select"]) == (TRIALS, FOLDS * ROUNDS, FOLDS)
    assert agree_that_it_is_found(project)
    files = found(project, "**/*.json")
    assert sum(name.endswith("best.json") for name in files) == FOLDS
    return files


@pytest.mark.parametrize(("killed", "next_tool"), [TOOLS, TOOLS[::-1]])
def test_a_search_that_is_killed_is_resumed_by_the_other_engine(new_study, unbroken, killed, next_tool):
    project = new_study()
    run = project.start(SEARCHES[killed].replace("--cores 2", "--cores 1"))
    wait_until(lambda: found(project, "tfidf/fold*/round1_trial*/outcome.json"), run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    before = found(project, "**/outcome.json")
    assert 0 < len(before) < TRIALS
    project.succeeds("snakemake --unlock")
    done = project.does(SEARCHES[next_tool])
    at_once = 1 if killed == "snakemake" else os.cpu_count()
    assert TRIALS - len(before) <= done["fit_trial"] <= TRIALS - len(before) + at_once, "written, but not noted"
    assert found(project, "**/*.json") == unbroken
    assert agree_that_it_is_found(project)


def test_a_search_that_another_machine_has_made_is_made_again_with_other_settings(new_study, unbroken):
    """Nothing is known here of how its files were made, so none of them is taken for one of the new settings."""
    project = new_study()
    for place, content in unbroken.items():
        file = project.folder / "results/openi/searches" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    project.set("studies", "openi", "models", "tfidf", "search", "space", "settings.min_df", "high", to=5)
    assert re.search(rf"^fit_trial +{TRIALS}$", project.succeeds("snakemake -n stage_tfidf"), re.M)
