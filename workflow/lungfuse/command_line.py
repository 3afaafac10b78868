"""Run a stage of the workflow by hand.

Every file and setting can be given. What is not given is that of the study which params.yaml selects, or --study.
"""

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated

from cyclopts import App, ArgumentCollection, Parameter
from cyclopts.config import Dict

from lungfuse import __version__
from lungfuse.errors import UserError
from lungfuse.files import FORBIDDEN, FULL, atomic_write
from lungfuse.hardware import WORKFLOW_JOB, batch_job, usage
from lungfuse.paths import Paths
from lungfuse.paths.names import PARAMS, SCHEMA
from lungfuse.settings.params import load_study, read_params, to_json
from lungfuse.settings.schema import params_schema
from lungfuse.stages import STAGES

app = App(name="python -m lungfuse", version=__version__, help=__doc__, help_format="plaintext")
for name, stage in STAGES.items():
    app.command(f"{stage.module}:main", name=name, help=stage.summary)  # imported when it is called
app.command("lungfuse.init.init:main", name="init", help="Make a study of a table of cases and the images it names.")


@app.command
def schema(file: Path = SCHEMA) -> None:
    """Write the JSON schema of params.yaml."""
    with atomic_write(file) as stream:
        stream.write(json.dumps(params_schema(), indent=2) + "\n")


@app.command(name="check")
def check_study(study: str | None = None) -> None:
    """Run a study up to its data check, and print it.

    Parameters
    ----------
    study
        Name of the study; that of params.yaml when not given.
    """
    from lungfuse.check.command import run_check

    print(run_check(study), end="")


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    study: str | None = None,
    params: Path = PARAMS,
) -> None:
    """Run a stage.

    Parameters
    ----------
    study
        The study to take files and settings from; that of params.yaml when not given.
    params
        The file of settings.
    """

    def fill_from_study(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        if any(argument.required and not argument.has_tokens for argument in arguments):
            Dict(study_defaults(study, params), allow_unknown=True, source=str(params))(app, commands, arguments)

    if place := batch_job():
        print(place, file=sys.stderr, flush=True)
    app.config = (Dict({"init": {"params": str(params)}}, source="--params"), fill_from_study)
    app(tokens, result_action="return_value")


@cache
def study_defaults(study: str | None, params_file: Path) -> dict[str, dict]:
    """What each stage takes from a study when it is not given on the command line."""
    params = read_params(params_file)
    name, settings = load_study(params if study is None else params | {"study": study})
    paths = Paths(name, settings)
    files = {key: getattr(paths, key) for key in dir(Paths) if isinstance(getattr(Paths, key), property)}
    known = {"title": name, "folds": settings.split.folds, "labels": settings.labels}
    known |= {"table": to_json(settings.table) if settings.table else None}
    shared = settings.model_dump() | known | files | {"audited": next(iter(paths.audited), None)}

    compared = {
        "models": [row.model_dump() for row in settings.models.values()],
        "labels": settings.labels,
        "predictions": paths.all_predictions,
        "validated": paths.all_validated,
    }
    segmented = shared | settings.segmentation.model_dump()
    segmented |= {"segmenters": [paths.segmenter(segmenter) for segmenter in settings.segmentation.segmenters]}
    networks = {"predictions": paths.all_cnn_predictions, "sources": paths.cnn_sources, "labels": settings.labels}
    structured = {key: next(iter(found), None) for key, found in paths.structured_files.items()}
    of_comparison = {"annotated_index": next(iter(paths.judged_index), None)} | structured
    of_comparison |= {"verdict_table": None, "per_label_table": None, "missing_table": None} | paths.more_scores
    images = {key: next(iter(found), None) for key, found in paths.checked_images.items()}
    checked = {"reads": json.dumps(settings.reads)} | images
    return (
        dict.fromkeys(STAGES, shared)
        | dict.fromkeys(["compare", "sites", "figures"], shared | compared)
        | {"compare": shared | compared | of_comparison}
        | dict.fromkeys(["annotated", "segmenter", "masks", "segmentation-scores"], segmented)
        | {"cnn-comparison": shared | networks}
        | {"data-check": shared | checked}
        | {
            "pretrain": shared
            | {"train": settings.pretrain.model_dump(), "min_reports": settings.pretraining.min_reports}
        }
        | {"pages": shared | compared | structured | {"settings": to_json(settings)}}
        | {"pictures": shared | compared | paths.mask_files_shown}
    )


def main() -> None:
    try:
        app.meta()
    except UserError as error:
        sys.exit(f"lungfuse: {error}")
    except OSError as error:
        if error.filename is None and error.errno not in FULL | FORBIDDEN:
            raise
        sys.exit(
            f"lungfuse: {error.filename or 'a file of this stage'}: cannot be used ({error.strerror}). Free some "
            "space, mend the file or its permissions, then run again."
        )
    finally:
        if WORKFLOW_JOB in os.environ:
            print(usage(), file=sys.stderr)
