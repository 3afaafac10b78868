"""The workflow, run as a user runs it: what a run of the demo leaves, and what a change makes run again."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import HEAVY, changed_setting, run_snakemake

DEMO = ["--config", "study=demo"]
UNFORKED = ["--resources", "own_process=1"]
FOLDS = 2
CONTRACT = [
    "funnel.csv",
    "pairs.csv",
    "rejected.csv",
    "comparison.csv",
    "comparison.md",
    "ablations.csv",
    "metrics.json",
]
CONTRACT += [
    "explanation_scores.csv",
    "leakage.csv",
    "shortcuts.csv",
    "words.csv",
    "segmentation.csv",
    "masks/unet-cxr-masks.csv",
]
CONTRACT += [
    "data_check.md",
    "data_card.md",
    "model_card.md",
    "structured.csv",
    "columns.csv",
    "report.html",
    "provenance.html",
]
CONTRACT += [
    f"figures/{name}.svg" for name in ["funnel", "comparison", "examples", "masks_unet-cxr-masks", "explanation_image"]
]
CONTRACT += [f"predictions/{name}.csv" for name in ["tfidf", "image", "text", "late", "late-stacked", "kv-exchange"]]
CONTRACT += [f"models/{name}.json" for name in ["tfidf", "image", "late", "kv-exchange"]]
CONTRACT += [f"models/kv-exchange/fold{fold}/model.safetensors" for fold in range(FOLDS)]
CONTRACT += [f"models/{name}/fold{fold}/model.skops" for name in ["tfidf", "linear-probe"] for fold in range(FOLDS)]
CONTRACT += ["models/late/settings.json"]
LAST = {
    "compare",
    "analysis",
    "table",
    "figure",
    "pages",
    "document",
    "provenance_html",
    "default",
}  # rules that show scores


def jobs_of(run) -> set[str]:
    """The rules that a run has run, or a dry run would run."""
    return set(re.findall(r"^(\w+) +\d+$", run.stdout, re.M)) - {"total"}


@pytest.fixture(scope="module")
def project(finished_demo, tmp_path_factory) -> Path:
    """A project in which the demo has been run, to be changed."""
    return shutil.copytree(finished_demo, tmp_path_factory.mktemp("workflow") / "lungfuse")


def test_the_demo_leaves_the_files_of_the_contract(finished_demo):
    results = finished_demo / "results/demo"
    assert [name for name in CONTRACT if not (results / name).exists() or not (results / name).stat().st_size] == []
    page = (results / "comparison.md").read_text()
    assert "synthetic images, not patients" in page
    pairs, table = pd.read_csv(results / "pairs.csv"), pd.read_csv(results / "comparison.csv")
    assert list(pairs)[:7] == ["pair_id", "report_id", "image_id", "label", "text", "group", "fold"]
    assert (table["n"] == len(pairs)).all()
    tfidf = table.set_index("row").loc["tfidf"]
    assert 0.75 < tfidf["accuracy"] < 0.88, "the findings of the demo allow about .85"


def test_a_second_run_has_nothing_to_do(project):
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout
    assert "Nothing to be done" in run_snakemake(project, *DEMO, *UNFORKED).stdout, "how jobs start is no change"


def test_a_new_date_is_no_change_but_new_content_is(project):
    (project / "data/raw/demo/indiana_projections.csv").touch()
    assert "Nothing to be done" in run_snakemake(project, *DEMO).stdout
    after = {"fit", "features", "train", "pool_folds", "late", "permute", "explanation", *LAST}
    assert jobs_of(run_snakemake(project, "-n", *DEMO, "--forcerun", "split")) == {"split"} | after


def test_a_setting_reruns_what_depends_on_it_alone(project):
    with changed_setting(project / "params.yaml", "defaults", "comparison", "confidence", to=0.9):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"segmentation_scores", "explanation", *LAST}


def test_a_setting_of_one_model_reruns_that_model_alone(project):
    model = ["studies", "demo", "models", "kv-exchange", "train"]
    with changed_setting(project / "params.yaml", *model, to={"gradient_clip": 2.0}):
        run = run_snakemake(project, "-n", *DEMO)
    assert jobs_of(run) == {"model", "train", "pool_folds", "permute", *LAST}
    assert re.search(rf"^train +{FOLDS}$", run.stdout, re.M), "the folds of one model"


@pytest.mark.parametrize(
    ("module", "reruns"),
    [
        ("settings/training", set()),
        ("settings/model", set()),
        ("files", set()),
        ("hardware", set()),
        ("plan/resolve", set()),
        ("models/late/late_stacked", {"late", "permute", *LAST}),
    ],
)
def test_an_edit_reruns_what_computes_by_it_and_settings_and_files_compute_nothing(project, module, reruns):
    file = project / f"workflow/lungfuse/{module}.py"
    code = file.read_text()
    file.write_text(f"{code}\n# edited\n")
    run = run_snakemake(project, "-n", *DEMO)
    file.write_text(code)
    assert jobs_of(run) == reruns, run.stdout


def test_settings_that_change_while_a_run_goes_on_stop_its_later_jobs(new_project):
    """As a user edits params.yaml meanwhile: the first job here, the second after the edit."""
    project = new_project(models=["majority", "tfidf"], stand_ins=HEAVY)
    params, file = project / "params.yaml", project / "workflow/lungfuse/ingest/split.py"
    before, code = params.read_text(), file.read_text()
    edit = "from pathlib import Path\n_params = Path('params.yaml')\n"
    edit += "_params.write_text(_params.read_text().replace('folds: 3', 'folds: 4'))\n"
    file.write_text(f"{code}\n{edit}")
    target = ["--", "results/demo/predictions/tfidf.csv"]
    run = run_snakemake(project, *DEMO, *target)
    assert run.returncode == 1 and "folds: 4" in params.read_text()
    assert "the settings of demo have changed since the workflow started" in run.stdout
    file.write_text(code)
    params.write_text(before)
    assert run_snakemake(project, *DEMO, *target).returncode == 0


def test_a_failing_stage_shows_its_message_and_leaves_no_output(project):
    reports = project / "data/raw/demo/NLMCXR_reports.tgz"
    before = reports.read_bytes()
    reports.write_bytes(before[:1000])
    run = run_snakemake(project, *DEMO)
    reports.write_bytes(before)
    assert run.returncode == 1
    assert "NLMCXR_reports.tgz: truncated or corrupt" in run.stdout
    assert not (project / "data/reports/demo/reports.csv").exists()
    assert run_snakemake(project, *DEMO, "--until", "reports").returncode == 0


def test_a_model_that_is_trained_again_takes_the_next_folds_of_the_same_split(new_project):
    """The split does not run again; estimators that are fitted twice have a rule of their own."""
    project, target = new_project(models=["majority", "tfidf"], stand_ins=HEAVY), ["--", "results/demo/comparison.csv"]
    assert run_snakemake(project, *DEMO, *target).returncode == 0
    folds = pd.read_csv(project / "results/demo/folds.csv")
    assert folds["repeat"].nunique() == 5
    with changed_setting(project / "params.yaml", "studies", "demo", "models", "tfidf", "n_seeds", to=2):
        run = run_snakemake(project, *DEMO, *target)
    assert run.returncode == 0 and jobs_of(run) == {"model", "fit_2", "compare"}
    table = pd.read_csv(project / "results/demo/comparison.csv").set_index("row")
    assert table["repeats"].to_dict() == {"majority": 1, "tfidf": 2}
    found = pd.read_csv(project / "results/demo/predictions/tfidf.csv").merge(folds, on=["pair_id", "repeat"])
    assert set(found["repeat"]) == {0, 1} and (found["fold_x"] == found["fold_y"]).all()
