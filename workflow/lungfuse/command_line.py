"""Run a stage of the workflow by hand, in the root folder of a project.

A stage of a study finds its files and settings by the study's name, a stage of a model by the model's file.
"""

import inspect
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.config import Dict

from lungfuse import __version__
from lungfuse.errors import UserError
from lungfuse.files import FORBIDDEN, FULL, atomic_write
from lungfuse.hardware import WORKFLOW_JOB, batch_job, usage
from lungfuse.plan.load import SETTINGS_SHA256, load_study, settings_sha256
from lungfuse.plan.names import PARAMS, SCHEMA
from lungfuse.plan.plan import Plan
from lungfuse.plan.schema import params_schema
from lungfuse.settings.params import read_params
from lungfuse.stages import OF_MODELS, STAGES, USER_STAGES, call
from lungfuse.words import listed

app = App(name="python -m lungfuse", version=__version__, help=__doc__, help_format="plaintext")


def study_command(stage: str) -> Callable[..., None]:
    """The command of a stage of a study: what it asks for is what the job of that name in `Plan` asks for."""
    job = getattr(Plan, stage.replace("-", "_"))
    asked = list(inspect.signature(job).parameters.values())[1:]

    def run(*, study: str | None = None, threads: int = 1, **which: str) -> None:
        plan = planned(study)
        call(stage, getattr(plan, job.__name__)(**which).arguments | {"threads": threads})

    own = list(inspect.signature(run).parameters.values())[:2]
    of_job = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in asked]
    run.__signature__ = inspect.Signature([*of_job, *own])
    run.__doc__ = STAGES[stage].summary
    return run


def planned(study: str | None, file: Path = PARAMS) -> Plan:
    """A study of params.yaml, or the one that it selects, with its jobs.

    Raises:
        UserError: its settings are wrong, or are others than at the start of the workflow that runs this.
    """
    params = read_params(file)
    name, settings = load_study(params if study is None else params | {"study": study})
    found = settings_sha256(settings)
    if os.environ.get(SETTINGS_SHA256, found) != found:
        raise UserError(
            f"{file}: the settings of {name} have changed since the workflow started, so what this job makes would not "
            "be what was asked for. Start the workflow again: what is finished stays."
        )
    return Plan(name, settings)


for name, stage in STAGES.items():
    if name in OF_MODELS or name in USER_STAGES:
        app.command(f"{stage.module}:main", name=name, help=stage.summary)  # imported when it is called
    else:
        app.command(study_command(name), name=name)
app.command("lungfuse.init.init:main", name="init", help="Make a study of a table of cases and the images it names.")
app.command("lungfuse.audit.command:main", name="audit", help="Audit somebody else's split and features.")


@app.command
def schema(file: Path = SCHEMA) -> None:
    """Write the JSON schema of params.yaml."""
    with atomic_write(file) as stream:
        stream.write(json.dumps(params_schema(), indent=2) + "\n")


@app.command(name="check")
def check_study(study: str | None = None) -> None:
    """Run a study up to its data check, and print it; fail where a finding stops the study.

    Parameters
    ----------
    study
        Name of the study; that of params.yaml when not given.
    """
    from lungfuse.check.command import run_check

    text, stopped = run_check(study)
    print(text, end="", flush=True)
    if stopped:
        sys.exit(1)


def new_project(and_table: bool) -> None:
    """Make a project of the current folder, and print what it has and, unless a table follows, what to run."""
    from lungfuse.project import FIRST_STUDY, make_project

    print(f"This folder is now a project, with {listed(make_project(Path()))}.\n")
    if find_spec("snakemake") is None:
        print('To run studies, install the workflow: pip install "lungfuse[workflow,fusion,segmentation]"\n')
    if not and_table:
        print(f"Run the synthetic study:\n\n    snakemake --cores 2 --config study={FIRST_STUDY}\n")
        print("Add a study of your own:\n\n    lungfuse init --table cases.csv --images images", flush=True)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    params: Path = PARAMS,
) -> None:
    """Run a stage.

    Parameters
    ----------
    params
        The file of settings, for `init`.
    """
    if place := batch_job():
        print(place, file=sys.stderr, flush=True)
    if tokens[:1] == ("init",) and params == PARAMS and not params.exists() and not {"--help", "-h"} & set(tokens):
        new_project(and_table=len(tokens) > 1)
        if len(tokens) == 1:
            return
    app.config = (Dict({"init": {"params": str(params)}}, source="--params"),)
    app(tokens, result_action="return_value")


def main() -> None:
    try:
        app.meta()
        sys.stdout.flush()
    except UserError as error:
        sys.exit(f"lungfuse: {error}")
    except BrokenPipeError:  # nobody reads on, as in `lungfuse init ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python reports it at the end
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in FULL | FORBIDDEN:
            raise
        sys.exit(
            f"lungfuse: {error.filename or 'a file of this stage'}: cannot be used ({error.strerror}). Free some "
            "space, fix the file or its permissions, then run again."
        )
    finally:
        if WORKFLOW_JOB in os.environ:
            print(usage(), file=sys.stderr)
