"""The work of an update: run the workflow on the study with the confirmed cases, and let the gate judge the result."""

import logging
import os
import shutil
import signal
import subprocess
import sys
from contextlib import chdir
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from django.conf import settings
from django.db import transaction

from lungfuse.check.check import Asked, Files, read
from lungfuse.compare.scores import join_predictions
from lungfuse.errors import UserError
from lungfuse.ingest.parts import tested
from lungfuse.plan.layout import Layout
from lungfuse.plan.plan import Plan
from lungfuse.predict.predictor import Predictor
from lungfuse.project import workflow_folder
from lungfuse.tables.base import read_table
from lungfuse.tables.check import Findings
from lungfuse.tables.ingest import Folds, Pairs
from lungfuse.tables.training import Predictions
from lungfuse.tasks import Task, load_task
from lungfuse_service.catalogue.models import TrainedModel
from lungfuse_service.inference.catalogue import described, project_of
from lungfuse_service.inference.gate import Refusal, Rules, Trial, data_refusals, judge
from lungfuse_service.inference.update_project import folder_of, tidy, write_project
from lungfuse_service.jobs.claims import finish
from lungfuse_service.jobs.models import Job
from lungfuse_service.updates.actions import activate
from lungfuse_service.updates.models import Update

log = logging.getLogger(__name__)
MEANWHILE = "Another version became active meanwhile. Start the update again."
SHOWN = 4000  # letters of what the workflow says


class WorkflowFailedError(Exception):
    """The workflow has ended without what it was asked for; the message is what it said."""


def retrain(jobs: list[Job]) -> None:
    """Train the model of an update, and make it active if the gate lets it through; else nothing of it is kept."""
    (job,) = jobs
    update = Update.objects.select_related("base__study").filter(job=job).first()
    if update is None:
        return
    try:
        shown, refusals = attempt(update)
    except (UserError, WorkflowFailedError) as error:
        finish(job, str(error)[-SHOWN:])
        return
    verdict = {"accepted": not refusals, "refusals": [asdict(each) for each in refusals], "shown": shown}
    with transaction.atomic():
        if refusals:
            ended = finish(job)
        else:
            still = TrainedModel.objects.select_for_update().get(pk=update.base.pk).active
            ended = finish(job, "" if still else MEANWHILE)
            if ended and still:
                update.made = enter(update, shown)
        if ended and (refusals or update.made):
            update.verdict = verdict
            update.save()
    if update.made:
        tidy(folder_of(update))
    elif ended:
        shutil.rmtree(folder_of(update), ignore_errors=True)


def attempt(update: Update) -> tuple[dict[str, object], list[Refusal]]:
    """What the new model has shown, and what speaks against it; it is trained only if its cases are sound.

    Raises:
        UserError: the study cannot be updated so.
        WorkflowFailedError: the workflow has failed.
    """
    plan, folder = write_project(update), folder_of(update)
    if plan_task(plan).primary != "auroc":
        raise UserError(f"The study {plan.name} is of the task {plan.study.task}: only models of classes are updated.")
    layout, name = plan.layout, update.base.name
    run_workflow(folder, layout.data_check["findings"])
    with chdir(folder):
        refusals = checked_refusals(update, plan)
    if refusals:
        return {}, refusals
    run_workflow(folder, layout.predictions(name)["predictions"])
    return judge(plan_task(plan), trial_of(update, plan), rules_of(plan))


def run_workflow(folder: Path, target: Path) -> None:
    """Make a file of a project. A run that was ended goes on where it was.

    Raises:
        WorkflowFailedError: it could not be made.
    """
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(workflow_folder() / "Snakefile"),
        "--directory",
        str(folder),
    ]
    command += ["--cores", "all", "--nolock", "--rerun-incomplete", "--quiet", "all", "--", str(target)]
    environment = os.environ | {"PYTHONPATH": str(workflow_folder()), "DVC_NO_ANALYTICS": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate()
        except BaseException:  # asked to stop: the jobs of the workflow too
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode:
        log.warning("the workflow failed in %s: %s", folder, said)
        raise WorkflowFailedError(reason_of(folder) or "The workflow failed. Its operator sees why in the log.")


def reason_of(folder: Path) -> str:
    """What the stage that failed says to whoever can fix it, if anything."""
    logs = sorted((folder / "logs").rglob("*.log"), key=lambda path: path.stat().st_mtime)
    said = logs[-1].read_text(encoding="utf-8", errors="replace") if logs else ""
    return said.partition("lungfuse: ")[2].strip()


def plan_task(plan: Plan) -> Task:
    return load_task(plan.study.task, plan.study.labels)


def rules_of(plan: Plan) -> Rules:
    comparison = plan.study.comparison
    return Rules(comparison.primary, comparison.margin, comparison.confidence, plan.study.seed)


def checked_refusals(update: Update, plan: Plan) -> list[Refusal]:
    """What the gate says of the cases; to be called in the project's folder.

    Raises:
        UserError: the study leaves an added case out, or reads another label from it.
    """
    job = plan.data_check()
    inputs = {name: path for name, path in job.inputs.items() if name in Files.__dataclass_fields__}
    asked = Asked(**{name: job.settings[name] for name in ["task", "filter", "reads", "folds"]})
    data = read(asked, job.settings["limits"], Files(**inputs))
    truths = {str(case.id): case.truth for case in update.cases.all()}
    added = data.cases["report_id"].isin(truths).to_numpy()
    _check_labels(plan, data.cases[added], truths)
    findings = read_table(plan.layout.data_check["findings"], Findings)
    config = plan.configs[update.base.name]
    reads = {"structured": config.structured, "text": [config.text] if config.text else []}
    own = {name: chosen for name, chosen in reads.items() if chosen}
    of_model = replace(data, reads=own, scores=[], details=[])
    return data_refusals(of_model, added, findings, plan.study.check.allow)


def _check_labels(plan: Plan, cases: pd.DataFrame, truths: dict[str, dict]) -> None:
    if gone := sorted(set(truths) - set(cases["report_id"])):
        rejected = pd.read_csv(plan.layout.candidates["rejected"], dtype=str).set_index("id")["reason"]
        why = rejected[rejected.index.isin(gone)].iloc[:1].tolist() or ["it lacks what the study requires"]
        raise UserError(
            f"The study {plan.name} leaves out {len(gone)} of {len(truths)} added cases, such as {gone[0]}: {why[0]}. "
            "Delete them, or give what they lack."
        )
    targets = plan_task(plan).targets(cases)
    labels = plan.study.labels
    for report_id, found in zip(cases["report_id"], targets, strict=True):
        truth = [truths[report_id][label] for label in labels]
        expected = [truth.index(1)] if len(found) == 1 else [np.nan if each is None else each for each in truth]
        if not np.array_equal(found, np.array(expected, float), equal_nan=True):
            raise UserError(f"The study {plan.name} reads another label from the added case {report_id}.")


def trial_of(update: Update, plan: Plan) -> Trial:
    """The predictions of the active and of the new model, paired by case and fold."""
    name, task = update.base.name, plan_task(plan)
    study, new = settings.PROJECT, folder_of(update)
    pairs = tested(read_table(study / Layout(plan.name).split["pairs"], Pairs))
    folds = read_table(study / Layout(plan.name).split["fold_table"], Folds)
    found = []
    for project in [project_of(update.base), new]:
        file = project / plan.layout.predictions(name)["predictions"]
        table = read_table(file, Predictions)
        own = table[table["pair_id"].isin(pairs["pair_id"])]
        found.append(join_predictions(task, pairs, own, file, folds))
    all_pairs = tested(read_table(new / plan.layout.split["pairs"], Pairs))
    every = join_predictions(task, all_pairs, table, file, read_table(new / plan.layout.split["fold_table"], Folds))
    return Trial(*found, every[~every["pair_id"].isin(pairs["pair_id"])])


def enter(update: Update, shown: dict[str, object]) -> TrainedModel:
    """Enter the new model of an update, and make it active."""
    folder, name = folder_of(update), update.base.name
    predictor = Predictor(folder / Layout(update.base.study_id).model_folder(name))
    about = described(predictor) | {"project": str(folder.relative_to(settings.FOLDER)), "score": shown["score"]}
    made, _ = TrainedModel.objects.update_or_create(
        study=update.base.study, name=name, sha256=predictor.made_by["sha256"], defaults=about
    )
    activate(made)
    return made
