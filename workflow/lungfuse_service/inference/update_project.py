"""The project of an update: the study with its raw files, and the confirmed cases beside them."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import yaml
from django.conf import settings

from lungfuse.added_cases import CASES, IMAGES, KEPT, TEXT, VALUE, write_added
from lungfuse.errors import UserError
from lungfuse.ingest.labels import headings_of
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.names import ENCODER_ROOT, PARAMS, RAW
from lungfuse.plan.plan import Plan
from lungfuse.redaction import without_sentences
from lungfuse.settings.ingest import LabelRule
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.params import read_params
from lungfuse_service.updates.models import ConfirmedCase, Update

ADDED = "confirmed"  # the folder of the added cases
NONE = "none of these"  # what is said of a case without any of the labels that headings give


def folder_of(update: Update) -> Path:
    return settings.FOLDER / "updates" / str(update.id)


def write_project(update: Update) -> Plan:
    """Write the project of an update, or what of it is missing; returns the study with the added cases.

    Raises:
        UserError: the settings, the raw files or the folds of the study are not there, or cases cannot be added to it.
    """
    name, folder = update.base.study_id, folder_of(update)
    params = read_params(settings.PROJECT / PARAMS)
    if name not in params.get("studies", {}):
        raise UserError(f"{PARAMS}: has no study {name}, so its models cannot be updated.")
    studies = {name: params["studies"][name] | {"added": ADDED}}
    params |= {"study": name, "studies": studies, "dvc_sync": False}
    plan = Plan(*load_study(params))
    if update.base.name not in plan.configs:
        raise UserError(f"{PARAMS}: the study {name} has no model {update.base.name}, so it cannot be trained again.")
    raw = RAW / plan.study.raw
    if not (settings.PROJECT / raw).is_dir():
        raise UserError(f"{raw}: not found. The raw files of the study are needed to train its models again.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARAMS).write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    _link(settings.PROJECT / raw, folder / raw)
    _link(settings.PROJECT / RAW, folder / RAW)
    _link(settings.PROJECT / ENCODER_ROOT.parent, folder / ENCODER_ROOT.parent, [ENCODER_ROOT.name])
    _write_cases(list(update.cases.all()), plan, update.base.name, folder / raw / ADDED)
    return plan


def _link(source: Path, place: Path, names: Iterable[str] | None = None) -> None:
    """Links in a folder to what lies in another, but what is there already."""
    place.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir() if names is None else [source / name for name in names]:
        if path.exists() and not (place / path.name).exists() and path.name != ADDED:
            (place / path.name).symlink_to(path.resolve())


def _write_cases(cases: list[ConfirmedCase], plan: Plan, model: str, folder: Path) -> None:
    layout, config = Layout(plan.name), plan.configs[model]
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for key, file in KEPT.items():
        kept = settings.PROJECT / layout.split[{"kept_folds": "fold_table", "kept_validation": "validation"}[key]]
        if not kept.exists():
            raise UserError(f"{kept}: not found. The folds of the study are needed to compare its models in pairs.")
        shutil.copyfile(kept, folder / file)
    for case in cases:
        if case.image:
            shutil.copyfile(case.image.path, folder / IMAGES / f"{case.id}.png")
    rows = [_row(case, config, plan.study.filter.labels) | {"view": plan.study.views[0]} for case in cases]
    table = pd.DataFrame(rows).fillna("")
    text = f"{TEXT}{config.text}"
    if text in table and config.redact_terms:
        table[text] = without_sentences(table[text], config.redact_terms)
    write_added(table, folder / CASES)


def _row(case: ConfirmedCase, config: ModelConfig, rules: list[LabelRule]) -> dict[str, str]:
    """A case as the study's dataset would have it."""
    row = {"report_id": str(case.id), "patient": case.patient, "image_id": str(case.id) if case.image else ""}
    row |= {f"{VALUE}{name}": value for name, value in case.values.items()}
    row |= {f"{TEXT}{config.text}": " ".join(case.text.split())} if config.text else {}
    return row | said(case.truth, rules)


def said(truth: dict[str, int | None], rules: list[LabelRule]) -> dict[str, str]:
    """The headings and the words of columns by which the rules of a study give a case its labels."""
    headings, words = [], {}
    for rule in sorted(rules, key=lambda rule: -(truth[rule.name] or 0)):
        has = truth[rule.name]
        if rule.column is None:
            headings += headings_of(rule)[:1] if has else []
        elif has is not None:
            words.setdefault(f"{VALUE}{rule.column}", rule.positive[0] if has else (rule.negative or [NONE])[0])
    return {"major": "; ".join(headings) or NONE} | words


def tidy(folder: Path) -> None:
    """Delete what a finished project needs no more: a model reads its own files and those of encoders."""
    for path in [folder / ".snakemake", *(folder / ENCODER_ROOT.parent).glob("*")]:
        if path.name not in (ENCODER_ROOT.name, RAW.name) and path.is_dir():
            shutil.rmtree(path)
