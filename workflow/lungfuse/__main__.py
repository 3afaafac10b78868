"""Run a stage of the workflow by hand.

Every file and setting can be given. What is not given is that of the study which params.yaml selects, or --study.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, ArgumentCollection, Parameter
from cyclopts.config import Dict

from lungfuse import __version__
from lungfuse.errors import UserError
from lungfuse.files import whole_file
from lungfuse.hardware import batch_job
from lungfuse.paths import PARAMS, SCHEMA, Paths
from lungfuse.settings import load_study, params_schema, read_params, to_json

STAGES = {
    "download": ("lungfuse.ingest.download", "Fetch a raw file, or check the one that is there."),
    "draw": ("lungfuse.demo.draw", "Draw the raw files of the demo."),
    "stand-in": ("lungfuse.demo.stand_in", "Draw the images that the real reports of OpenI name."),
    "reports": ("lungfuse.ingest.reports", "Read the reports of a dataset."),
    "images": ("lungfuse.ingest.images", "Decode every image of one view into an array."),
    "annotated": ("lungfuse.segment.annotated", "Decode annotated X-rays and their lung masks."),
    "segmenter": ("lungfuse.segment.train_segmenter", "Train a segmenter."),
    "segmentation-scores": ("lungfuse.segment.segmentation_scores", "Score the segmenters on held-out patients."),
    "masks": ("lungfuse.segment.masks", "Segment the lungs in every image of a study."),
    "segment": ("lungfuse.segment.segment", "Segment the lungs in an X-ray or a folder of them."),
    "filter": ("lungfuse.ingest.filter", "Select and label the pairs of a study."),
    "split": ("lungfuse.ingest.split", "Assign stratified, grouped folds."),
    "baseline": ("lungfuse.train.baseline", "Predict each test fold with a baseline."),
    "linear-probe": ("lungfuse.train.linear_probe", "Predict each test fold with a linear probe of a frozen encoder."),
    "encoder": ("lungfuse.train.encoder", "Make the files of an encoder."),
    "features": ("lungfuse.train.features", "Encode the images or texts of all pairs with a frozen encoder."),
    "train": ("lungfuse.train.train", "Train a row of the comparison table for one fold."),
    "cnn-weights": ("lungfuse.train.cnn_weights", "Make the weights that a network of keras.applications starts from."),
    "cnn": ("lungfuse.train.cnn", "Train a network of keras.applications for one fold."),
    "gather": ("lungfuse.train.gather", "Join the test scores of the folds to the pairs."),
    "late": ("lungfuse.train.late", "Fuse the scores of each fold's image and text models."),
    "predict": ("lungfuse.predict.predict", "Predict new cases with a trained row."),
    "compare": ("lungfuse.compare.compare", "Score every model on the same pairs and write the table."),
    "cnn-comparison": ("lungfuse.compare.cnn_comparison", "Score the networks of keras.applications on each arm."),
    "sites": ("lungfuse.compare.sites", "Score every model at each hospital."),
    "leakage": ("lungfuse.compare.leakage", "Measure what the flaws of the published protocol add."),
    "attention": ("lungfuse.predict.attention", "Draw where the words of a few reports look in their images."),
    "figures": ("lungfuse.report.figures", "Draw the figures of a study's tables."),
    "pictures": ("lungfuse.report.pictures", "Draw pairs of a study and their masks."),
    "pages": ("lungfuse.report.pages", "Write the cards of a study, and its tables as pages."),
}

app = App(name="python -m lungfuse", version=__version__, help=__doc__, help_format="plaintext")
for name, (module, summary) in STAGES.items():
    app.command(f"{module}:main", name=name, help=summary)  # imported when it is called


@app.command
def schema(file: Path = SCHEMA) -> None:
    """Write the JSON schema of params.yaml."""
    with whole_file(file) as stream:
        stream.write(json.dumps(params_schema(), indent=2) + "\n")


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
    app.config = (fill_from_study,)
    app(tokens)


def study_defaults(study: str | None, params_file: Path) -> dict[str, dict]:
    """What each stage takes from a study when it is not given on the command line."""
    params = read_params(params_file)
    name, settings = load_study(params if study is None else params | {"study": study})
    paths = Paths(name, settings)
    files = {key: getattr(paths, key) for key in dir(Paths) if isinstance(getattr(Paths, key), property)}
    shared = settings.model_dump() | {"title": name, "folds": settings.split.folds} | files

    compared = {
        "models": [row.model_dump() for row in settings.models.values()],
        "labels": settings.labels,
        "predictions": paths.all_predictions,
    }
    segmented = shared | settings.segmentation.model_dump()
    segmented |= {"segmenters": [paths.segmenter(segmenter) for segmenter in settings.segmentation.segmenters]}
    networks = {"predictions": paths.all_cnn_predictions, "sources": paths.cnn_sources}
    return (
        dict.fromkeys(STAGES, shared)
        | dict.fromkeys(["compare", "sites", "figures"], shared | compared)
        | dict.fromkeys(["annotated", "segmenter", "masks", "segmentation-scores"], segmented)
        | {"cnn-comparison": shared | networks}
        | {"pages": shared | compared | {"settings": to_json(settings)}}
        | {"pictures": shared | compared | paths.mask_files_shown}
    )


def main() -> None:
    try:
        app.meta()
    except UserError as error:
        sys.exit(f"lungfuse: {error}")


if __name__ == "__main__":
    main()
