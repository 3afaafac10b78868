"""The stages of the workflow, by the names under which the command line knows them.

Only the standard library is imported here, see `lungfuse.prefork`.
"""

from typing import Literal, NamedTuple


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
    "baseline": Stage("lungfuse.train.baseline", "Predict each test fold with a baseline."),
    "linear-probe": Stage(
        "lungfuse.train.linear_probe", "Predict each test fold with a linear probe of a frozen encoder.", "torch"
    ),
    "encoder": Stage("lungfuse.train.encoder", "Make the files of an encoder.", "torch"),
    "features": Stage(
        "lungfuse.train.features", "Encode the images or texts of all pairs with a frozen encoder.", "torch"
    ),
    "pretrain": Stage(
        "lungfuse.train.pretrain", "Train an image encoder on patients that are in no pair of a study.", "torch"
    ),
    "train": Stage("lungfuse.train.train", "Train a row of the comparison table for one fold.", "torch"),
    "cnn-weights": Stage(
        "lungfuse.train.cnn_weights", "Make the weights that a network of keras.applications starts from.", "tensorflow"
    ),
    "cnn": Stage("lungfuse.train.cnn", "Train a network of keras.applications for one fold.", "tensorflow"),
    "pool-folds": Stage("lungfuse.train.pool_folds", "Join the test scores of the folds to the pairs."),
    "late": Stage("lungfuse.train.late", "Fuse the scores of rows of one modality each."),
    "predict": Stage("lungfuse.predict.predict", "Predict new cases with a trained row.", "torch"),
    "compare": Stage("lungfuse.compare.compare", "Score every model on the same pairs and write the table."),
    "cnn-comparison": Stage(
        "lungfuse.compare.cnn_comparison", "Score the networks of keras.applications on each variant."
    ),
    "sites": Stage("lungfuse.compare.sites", "Score every model at each site."),
    "leakage": Stage("lungfuse.compare.leakage", "Measure what the flaws of the published protocol add."),
    "shortcuts": Stage("lungfuse.compare.shortcuts", "Look for what little tells the label by itself."),
    "attention": Stage(
        "lungfuse.predict.attention", "Draw where the words of a few reports look in their images.", "torch"
    ),
    "figures": Stage("lungfuse.report.figures", "Draw the figures of a study's tables."),
    "pictures": Stage("lungfuse.report.pictures", "Draw pairs of a study and their masks."),
    "pages": Stage("lungfuse.report.pages", "Write the cards of a study, and its tables as pages."),
}
