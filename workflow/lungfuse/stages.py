"""The stages of the workflow, by the names under which the command line knows them.

Only the standard library is imported here, see `lungfuse.prefork`.
"""

from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import signature
from typing import Any, Literal, NamedTuple


class Stage(NamedTuple):
    """A module with a function `main`, what it does, and the library of networks that it imports."""

    module: str
    summary: str
    library: Literal["torch", "tensorflow", ""] = ""


STAGES = {
    "download": Stage("lungfuse.ingest.download", "Fetch a raw file, or check the one that is there."),
    "draw": Stage("lungfuse.demo.draw", "Draw the raw files of the demo."),
    "reports": Stage("lungfuse.ingest.reports", "Read the reports of a dataset."),
    "images": Stage("lungfuse.ingest.images", "Decode every image of one view into an array."),
    "annotated": Stage("lungfuse.segment.annotated", "Decode annotated images and their masks."),
    "segmenter": Stage("lungfuse.segment.train_segmenter", "Train a segmenter.", "tensorflow"),
    "segmentation-scores": Stage(
        "lungfuse.segment.segmentation_scores", "Score the segmenters on held-out patients.", "tensorflow"
    ),
    "masks": Stage("lungfuse.segment.masks", "Segment the lungs in every image of a study.", "tensorflow"),
    "segment": Stage("lungfuse.segment.segment", "Segment the lungs in an X-ray or a folder of them.", "tensorflow"),
    "filter": Stage("lungfuse.ingest.filter", "Select and label the pairs of a study."),
    "data-check": Stage("lungfuse.check.check", "Look for what makes the comparison of a study meaningless."),
    "split": Stage("lungfuse.ingest.split", "Assign stratified, grouped folds."),
    "model": Stage("lungfuse.plan.model", "Write the file with all settings of a model."),
    "fit": Stage("lungfuse.train.fit", "Fit an estimator on the training folds and predict each test fold."),
    "propose": Stage("lungfuse.search.propose", "Propose the settings of a round of a search."),
    "fit-trial": Stage("lungfuse.search.fit_trial", "Fit an estimator as a search proposes it, and validate it."),
    "train-trial": Stage(
        "lungfuse.search.train_trial", "Train a network as a search proposes it, and validate it.", "torch"
    ),
    "select": Stage("lungfuse.search.select", "Take the best settings that a search has proposed."),
    "encoder": Stage("lungfuse.train.encoder", "Make the files of an encoder.", "torch"),
    "features": Stage(
        "lungfuse.train.features", "Encode the images or texts of all pairs with a frozen encoder.", "torch"
    ),
    "pretraining-images": Stage(
        "lungfuse.train.pretraining_images", "Gather labelled images of other collections to pre-train on."
    ),
    "pretrain": Stage(
        "lungfuse.train.pretrain", "Train an image encoder on patients that are in no pair of a study.", "torch"
    ),
    "train": Stage("lungfuse.train.train", "Train a model for one fold.", "torch"),
    "pool-folds": Stage("lungfuse.train.pool_folds", "Join the test scores of the folds to the pairs."),
    "late": Stage("lungfuse.train.late", "Combine the scores of models of one modality each."),
    "permute": Stage(
        "lungfuse.predict.permute",
        "Score the test pairs of a model with each of its inputs shuffled among them.",
        "torch",
    ),
    "predict": Stage("lungfuse.new_cases.predict", "Predict new cases with a trained model.", "torch"),
    "explain": Stage("lungfuse.new_cases.explain", "Show what in new cases a trained model decides by.", "torch"),
    "compare": Stage("lungfuse.compare.compare", "Score every model on the same pairs and write the table."),
    "analysis": Stage("lungfuse.analyses._stage", "Make the table, the figure and the page of an analysis."),
    "explanation": Stage(
        "lungfuse.relevance.study", "Explain a model, and measure what its explanations are worth.", "torch"
    ),
    "draw-masks": Stage("lungfuse.report.masks", "Draw the masks of a segmenter over their images."),
    "pages": Stage("lungfuse.report.pages", "Write the cards and pages of a study."),
    "document": Stage("lungfuse.report.document.document", "Write the report of a study as one page of HTML."),
}

OF_SEARCHES = ["propose", "fit-trial", "train-trial", "select"]
OF_MODELS = ["fit", "train", "pool-folds", "late", "permute", *OF_SEARCHES]  # that take the file of a model
USER_STAGES = ["predict", "explain", "segment"]  # that no rule runs


def call(stage: str, arguments: dict[str, Any]) -> None:
    """Run a stage with arguments by name; those that it takes as one group are fields of a data class."""
    main, given = import_module(STAGES[stage].module).main, dict(arguments)
    taken = signature(main).parameters
    if "threads" not in taken:
        given.pop("threads", None)
    for parameter in taken.values():
        if is_dataclass(parameter.annotation):
            names = {field.name for field in fields(parameter.annotation)} & given.keys()
            given[parameter.name] = parameter.annotation(**{name: given.pop(name) for name in names})
    main(**given)
