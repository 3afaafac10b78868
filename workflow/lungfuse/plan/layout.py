"""Where every file of a study lies, from the root folder of the project."""

import os
from dataclasses import dataclass
from pathlib import Path

from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS
from lungfuse.files import slug
from lungfuse.plan.names import (
    ENCODER_ROOT,
    ESTIMATOR,
    EXPLANATION_SCORES,
    FEATURE_COST,
    FEATURE_INDEX,
    FEATURE_TOKENS,
    FOLD_PREDICTIONS,
    HISTORY,
    PACKAGED,
    SEGMENTER,
    TRAINED_SETTINGS,
)
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER

Outputs = dict[str, Path]


@dataclass(frozen=True)
class Layout:
    """The files of the study `name`, by the names that stages use for them. Names may be wildcards."""

    name: str

    @property
    def results(self) -> Path:
        return Path("results") / self.name

    @property
    def logs(self) -> Path:
        return Path("logs") / self.name

    @property
    def models(self) -> Path:
        return self.results / "models"

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    @property
    def pages(self) -> Path:
        return self.results / "pages"

    @property
    def report(self) -> Path:
        return self.results / "report.html"

    @property
    def workflow_report(self) -> Path:
        """How each figure and table was made: Snakemake's own report."""
        return self.results / "provenance.html"

    @property
    def comparison_page(self) -> Path:
        return self.results / "comparison.md"

    def data(self, kind: str) -> Path:
        return Path("data") / kind / self.name

    def table(self, name: str) -> Path:
        return self.results / f"{name}.csv"

    def figure(self, name: str) -> Path:
        return self.figures / f"{name}.svg"

    def page(self, name: str) -> Path:
        return self.pages / f"{name}.html"

    def analysis(self, name: str, kind: str) -> Outputs:
        """What an analysis writes: a table with a page of it, a figure, or both ("analysis")."""
        table = {"table": self.table(name), "page": self.page(name)} if kind != "figure" else {}
        return table | ({"figure": self.figure(name)} if kind != "table" else {})

    @property
    def reports(self) -> Outputs:
        """The tables that raw reports become."""
        names = {"reports": "reports", "views": "views", "values": "values", "value_columns": "columns"}
        names |= {"rejected_reports": "rejected"}
        return {key: self.data("reports") / f"{name}.csv" for key, name in names.items()}

    @property
    def audited(self) -> Path:
        """The values of the columns that no model may read."""
        return self.data("reports") / "audited.csv"

    @property
    def images(self) -> Outputs:
        """The image array with its index, and the images that could not be read."""
        names = {"array": "images.npy", "index": "index.csv", "rejected_images": "rejected.csv"}
        return {key: self.data("images") / name for key, name in names.items()}

    @property
    def image_array(self) -> Outputs:
        return {key: path for key, path in self.images.items() if key != "rejected_images"}

    @property
    def candidates(self) -> Outputs:
        """What the filters leave, and what they leave out."""
        found = {"candidates": self.data("pairs") / "candidates.csv"}
        return found | {name: self.table(name) for name in ["funnel", "rejected"]}

    @property
    def data_check(self) -> Outputs:
        tables = {"findings": "check", "check_scores": "check_scores", "check_cases": "check_cases"}
        found = {key: self.table(name) for key, name in tables.items()}
        return found | {"check_page": self.results / "data_check.md"}

    @property
    def split(self) -> Outputs:
        """The pairs, their folds in each repeat, and the pairs that each fold's models are validated on."""
        names = {"pairs": "pairs", "fold_table": "folds", "validation": "validation"}
        return {key: self.table(name) for key, name in names.items()}

    @property
    def structured(self) -> Outputs:
        """The values of the structured columns of the pairs, and what these columns are."""
        return {"structured": self.table("structured"), "structured_columns": self.table("columns")}

    @property
    def annotated(self) -> Outputs:
        """Annotated images, their masks, and the index of both."""
        names = {"annotated_images": "images.npy", "annotated_masks": "masks.npy", "annotated_index": "index.csv"}
        return {key: self.data("annotated") / name for key, name in names.items()}

    @property
    def rejected_annotations(self) -> Path:
        return self.data("annotated") / "rejected.csv"

    def segmenter_folder(self, name: str) -> Path:
        own = self.results / "segmenters" / name
        return Path(os.path.relpath(PACKAGED)) if name == PACKAGED_SEGMENTER else own

    def segmenter(self, name: str) -> Outputs:
        names = {"network": SEGMENTER, "history": HISTORY, "settings": TRAINED_SETTINGS}
        return {key: self.segmenter_folder(name) / file for key, file in names.items()}

    def masks(self, segmenter: str) -> Outputs:
        """The masks of a segmenter, their quality, and how they were made."""
        folder = self.data("masks") / segmenter
        quality = self.results / "masks" / f"{segmenter}.csv"
        return {"masks": folder / "masks.npy", "quality": quality, "settings": folder / TRAINED_SETTINGS}

    def encoder(self, name: str, modality: str) -> Outputs:
        """The files of an encoder by what they hold; a text encoder has a tokenizer."""
        files = {"config": CONFIG, "weights": WEIGHTS}
        files |= {"tokenizer": TOKENIZER} if modality == "text" else {}
        return {key: ENCODER_ROOT / slug(name) / file for key, file in files.items()}

    def pretrained(self, pretraining: str) -> Outputs:
        """An image encoder that has learned from other patients, by the name of its pre-training."""
        return _trained_files(self.results / "pretrained" / pretraining)

    @property
    def pretraining_images(self) -> Outputs:
        """Labelled images of other collections, and those of them that cannot be used."""
        names = {"other_images": "images.npy", "other_cases": "cases.csv", "rejected_others": "rejected.csv"}
        return {key: self.data("pretraining") / name for key, name in names.items()}

    def features(self, source: str, reads: str) -> Outputs:
        """The tokens that an encoder makes of what it reads, where those of each pair lie, and what they took.

        `source` is the folder of the encoder: its name, or `<model>_trained/fold<run>` of the model that trained it.
        """
        folder = self.data("features") / source / reads
        return {"tokens": folder / FEATURE_TOKENS, "token_index": folder / FEATURE_INDEX, "cost": folder / FEATURE_COST}

    def model(self, model: str) -> Path:
        """All settings of a model, which its stage reads."""
        return self.models / f"{model}.json"

    def model_folder(self, model: str) -> Path:
        """The folder of what a model has learned."""
        return self.models / model

    def fold_folder(self, model: str, run: str) -> Path:
        """The folder of a training: `run` is <fold> or <fold>_repeat<n>."""
        return self.model_folder(model) / f"fold{run}"

    def search(self, model: str, run: str) -> Path:
        """The folder of the search for the settings of a model in a training."""
        return self.results / "searches" / model / f"fold{run}"

    def proposal(self, model: str, run: str, number: int | str, trial: int | str) -> Path:
        """The settings of a model that a round of its search proposes."""
        return self.search(model, run) / f"round{number}_trial{trial}.json"

    def outcome(self, model: str, run: str, number: int | str, trial: int | str) -> Path:
        """How good a proposal is."""
        return self.proposal(model, run, number, trial).with_suffix("") / "outcome.json"

    def best(self, model: str, run: str) -> Path:
        """The settings that a search has found for a training."""
        return self.search(model, run) / "best.json"

    def network(self, model: str, run: str) -> Outputs:
        """What a training of a network leaves."""
        folder = self.fold_folder(model, run)
        return _trained_files(folder) | {"fold_predictions": folder / FOLD_PREDICTIONS}

    def estimator(self, model: str, run: str) -> Outputs:
        """What a training of a model leaves that is no network."""
        names = {"estimator": ESTIMATOR, "settings": TRAINED_SETTINGS, "fold_predictions": FOLD_PREDICTIONS}
        return {key: self.fold_folder(model, run) / name for key, name in names.items()}

    def estimators(self, model: str, runs: list[str]) -> dict[str, list[Path]]:
        """What all trainings of a model leave that is no network."""
        found = [self.estimator(model, run) for run in runs]
        return {key: [files[key] for files in found] for key in found[0]}

    def late_settings(self, model: str) -> Path:
        """The weights of a late fusion, and where its parts are."""
        return self.model_folder(model) / TRAINED_SETTINGS

    def curve(self, model: str) -> Path:
        """The mean losses of the trainings of a network, epoch by epoch."""
        return self.results / "curves" / f"{model}.csv"

    def predictions(self, model: str) -> Outputs:
        """The out-of-fold scores of a model, and its scores of validation pairs."""
        return {kind: self.results / kind / f"{model}.csv" for kind in ["predictions", "validated"]}

    def explanation_scores(self, model: str) -> Path:
        """What the explanations of a model are worth."""
        return self.results / EXPLANATION_SCORES / f"{model}.csv"

    def permuted(self, model: str) -> Path:
        """The scores of a trained model with each of its inputs shuffled."""
        return self.results / "permuted" / f"{model}.csv"


def _trained_files(folder: Path) -> Outputs:
    names = {"weights": WEIGHTS, "history": HISTORY, "settings": TRAINED_SETTINGS}
    return {key: folder / name for key, name in names.items()}
