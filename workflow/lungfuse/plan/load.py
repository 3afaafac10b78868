"""The studies of params.yaml, checked against the parts that there are."""

import hashlib
from typing import Any

from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.models import model_names
from lungfuse.plan.checks import study_problems
from lungfuse.settings.base import overlay
from lungfuse.settings.params import check_top_level, place_of, problem_of
from lungfuse.settings.study import Study

STUDY_NAME = "LUNGFUSE_STUDY"  # the environment variables of the study that a workflow runs
SETTINGS_SHA256 = "LUNGFUSE_SETTINGS_SHA256"


def load_studies(params: dict[str, Any], only: str | None = None) -> dict[str, Study]:
    """Every study of `params` by name, each `defaults` overlaid with its own settings.

    With `only`, the others are not checked against the parts that there are, which takes longest.

    Raises:
        UserError: names every wrong key or value, what was found and what is allowed.
    """
    check_top_level(params)
    problems, studies = [], {}
    checked = {only} if only else set(params["studies"])
    for name, own in params["studies"].items():
        try:
            study = Study.model_validate(_with_architectures(overlay(params["defaults"], own)), strict=True)
        except ValidationError as error:
            problems += [problem_of(problem, name, params) for problem in error.errors()]
            continue
        studies[name] = study
        problems += problems_of(name, study, params) if name in checked else []
    if problems:
        raise UserError("params.yaml:\n  " + "\n  ".join(dict.fromkeys(problems)))
    return studies


def load_study(params: dict[str, Any]) -> tuple[str, Study]:
    """The study that `params` selects, with its name; see `load_studies`."""
    name = params.get("study")
    studies = load_studies(params, only=name)
    if name not in studies:
        raise UserError(f"params.yaml: study: found {name!r}, expected one of {', '.join(sorted(studies))}.")
    return name, studies[name]


def _with_architectures(study: dict[str, Any]) -> dict[str, Any]:
    """A study whose models say their architecture; one that does not is named after it."""
    models = study.get("models")
    if not isinstance(models, dict):
        return study
    named = {
        name: {"architecture": name} | entry if isinstance(entry, dict) and name in model_names() else entry
        for name, entry in models.items()
    }
    return study | {"models": named}


def problems_of(name: str, study: Study, params: dict[str, Any]) -> list[str]:
    """What is wrong with a study of `params`, in words."""
    return [f"{place_of(name, params, where)}: {what}." for where, what in study_problems(study)]


def settings_sha256(study: Study) -> str:
    """A digest of all settings of a study."""
    return hashlib.sha256(study.model_dump_json().encode()).hexdigest()
