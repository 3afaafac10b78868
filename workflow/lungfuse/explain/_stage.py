"""Draw an explanation of a model."""

from pathlib import Path

from lungfuse import registry
from lungfuse.files import check_writable
from lungfuse.parameters import Heading, options
from lungfuse.report.style import heading, save

EXPLANATIONS = "lungfuse.explain"


@options
class Explained:
    """A trained model, and what it reads of pairs.

    Parameters
    ----------
    model
        Folder of the trained model.
    pairs
        Table of pairs.
    predictions
        Out-of-fold predictions of the model.
    array
        The image array; needed for a model that reads images.
    index
        Index of the image array.
    masks
        Masks of the image array; needed for a model that does not read raw images.
    structured
        Structured columns of the pairs; needed for a model that reads some.
    structured_columns
        Kinds of the structured columns.
    encoder_root
        Folder with a folder for each encoder.
    """

    model: Path
    pairs: Path
    predictions: Path
    array: Path | None = None
    index: Path | None = None
    masks: Path | None = None
    structured: Path | None = None
    structured_columns: Path | None = None
    encoder_root: Path


def main(*, name: str, study_heading: Heading, explained: Explained, figure: Path) -> None:
    """Draw an explanation of a model.

    Parameters
    ----------
    name
        Name of the explanation.
    study_heading
        What stands above.
    explained
        The model, and what it reads of pairs.
    figure
        Output: SVG.
    """
    check_writable(figure)
    module = registry.load(EXPLANATIONS, name)
    save(module.draw(explained, heading(study_heading.title, study_heading.notice)), figure)
