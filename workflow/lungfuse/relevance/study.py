"""Explain a trained model of a study, and measure what its explanations are worth."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.files import check_writable
from lungfuse.ingest.parts import read_split
from lungfuse.parameters import Heading
from lungfuse.plan.job import Files
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.plan.segmentation import image_files
from lungfuse.predict.fold_models import read_fold_models
from lungfuse.relevance.cases import likeliest, measured_cases, shown_cases
from lungfuse.relevance.draw import draw
from lungfuse.relevance.evidence import read_evidence
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.folds import FoldCases, batched, fold_cases
from lungfuse.relevance.given import Given
from lungfuse.relevance.maps import as_explained, maps_of
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.modalities import shuffling_costs
from lungfuse.relevance.scores import explanation_scores, of_cases
from lungfuse.relevance.stamps import stamps_of
from lungfuse.report.style import heading, save
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.explanations import ExplanationSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.explanations import ExplanationScores
from lungfuse.tables.training import Predictions
from lungfuse.tasks import Task, load_task

TITLE, SECTION, ORDER = "Explanation", "Explanations", 1
CAPTION = (
    "Of each class the case that is most surely right, the median one, and the most surely wrong, each by the network "
    "of the fold that never learned from it. Red speaks for the class that is explained and blue against it; methods "
    "that know no sign are drawn in yellow and violet. The bars say what each modality adds to the logit, by Shapley "
    "values. Beside a method stands how many of its checks it passes for this model: see the table of explanation "
    "scores."
)


def main(
    *,
    model: Path,
    study_heading: Heading,
    explanations: ExplanationSettings,
    intervals: Intervals,
    raw: str,
    figure: Path,
    scores: Path,
    threads: int = 1,
) -> None:
    """Explain a trained model of a study, and measure what its explanations are worth.

    Parameters
    ----------
    model
        The file of the model, which the workflow writes.
    study_heading
        What stands above the figure.
    explanations
        How many cases are measured, and where evidence is known to lie.
    intervals
        The intervals of the scores.
    raw
        Folder of the raw files in data/raw.
    figure
        Output: a few cases of each class, SVG.
    scores
        Output: what the explanations are worth, a row a method, modality and measure.
    threads
        Processor threads.
    """
    check_writable(figure)
    torch.set_num_threads(threads)
    explained = ExplainedModel(read_model(model), explanations, raw)
    methods = [each for each in map(method, method_names()) if each.explains(list(explained.config.inputs))]
    measured = {each.name: [] for each in methods}
    pictures: dict[int, Explained] = {}
    for fold in explained.folds():
        pictures |= fold.pictures(methods)
        for each in methods:
            measured[each.name] += fold.measured(each)
    tables = [
        explanation_scores(
            pd.concat(found), explained.config.name, name, **intervals.model_dump(), seed=explained.config.seed
        )
        for name, found in measured.items()
        if found
    ]
    table = pd.concat(tables, ignore_index=True)
    write_table(table, scores, ExplanationScores)
    above = heading(f"{study_heading.title}: {explained.config.name}", study_heading.notice)
    save(draw([pictures[number] for number in sorted(pictures)], above, stamps_of(table)), figure)


class ExplainedModel:
    """A trained model of a study by its settings, and the pairs of the first training that are explained."""

    def __init__(self, config: ModelConfig, explanations: ExplanationSettings, raw: str):
        self.config, self.layout = config, Layout(config.study)
        self.task: Task = load_task(config.task, config.labels)
        self.fold_models = read_fold_models(self.layout.model_folder(config.name))[: config.folds]
        self.pairs = self._scored()
        self.shown = {each.position: each for each in shown_cases(self.pairs, self.task)}
        self.measured = measured_cases(self.pairs, explanations.cases, config.seed)
        self.targets = likeliest(self.task.of("score", self.pairs), self.task)
        self.evidence = read_evidence(explanations, self.layout, raw, self.pairs, "image" in config.inputs)
        permuted = self.layout.permuted(config.name)
        self.shuffled = shuffling_costs(permuted, self.pairs, self.task) if len(config.inputs) > 1 else {}

    def folds(self) -> Iterator["FoldExplained"]:
        """What is explained in each fold, by the network that has not learned from it."""
        for number in sorted(self.pairs["fold"].unique()):
            here = np.flatnonzero(self.pairs["fold"] == number)
            chosen = [position for position in here if position in self.shown or position in self.measured]
            if chosen:
                yield FoldExplained(self, int(number), np.array(chosen))

    def cases(self, fold: int, positions: np.ndarray, targets: np.ndarray) -> FoldCases:
        """Some pairs as the network of a fold reads them."""
        return fold_cases(self.fold_models[fold], self.pairs.iloc[positions], targets, self._files(), ENCODER_ROOT)

    def _files(self) -> Files:
        config = self.config
        images = image_files(self.layout, config.segmenter) if "image" in config.inputs else {}
        columns = self.layout.structured if config.structured else {}
        names = {"structured_columns": "columns"}
        return {names.get(key, key): path for key, path in (images | columns).items()}

    def _scored(self) -> pd.DataFrame:
        """The pairs with all that the model reads, and their scores in the first training."""
        predictions = read_table(self.layout.predictions(self.config.name)["predictions"], Predictions)
        columns = ["pair_id", *self.task.columns("score")]
        pairs, _ = read_split(self.layout.split).of_repeat(0)
        found = pairs.merge(predictions.loc[predictions["repeat"] == 0, columns], on="pair_id", validate="1:1")
        whole = pd.Series(True, found.index)
        for modality, column in {"image": "image_id", "text": self.config.text}.items():
            if modality in self.config.inputs:
                whole &= found[column] != ""
        return found[whole].reset_index(drop=True)


class FoldExplained:
    """Cases of one fold, as the network that was trained in it reads them and as that of the next fold does."""

    def __init__(self, model: ExplainedModel, fold: int, positions: np.ndarray):
        self.model, self.positions, self.known = model, positions, {}
        targets = model.targets[positions]
        for place, position in enumerate(positions):
            if position in model.shown:
                targets[place] = model.shown[position].target
        self.own = model.cases(fold, positions, targets)
        self.other = model.cases((fold + 1) % model.config.folds, positions, targets)

    def pictures(self, methods: list[Method]) -> dict[int, Explained]:
        """The cases that are shown, by their place in the figure."""
        places = [place for place, position in enumerate(self.positions) if position in self.model.shown]
        order, maps = list(self.model.shown), maps_of(self.own, methods, places)
        titles = {place: self.model.shown[self.positions[place]].title for place in places}
        return {
            order.index(self.positions[place]): as_explained(self.own, place, each, titles[place])
            for place, each in zip(places, maps, strict=True)
        }

    def measured(self, method: Method) -> list[pd.DataFrame]:
        """What the measures say of a method, a frame a batch, see `of_cases`."""
        places = [place for place, position in enumerate(self.positions) if position in self.model.measured]
        return [of_cases(self.given(method, few)) for few in batched(places)]

    def given(self, method: Method, places: list[int]) -> Given:
        """The relevance of some cases by a method, and what it is held against."""
        (case, target), (again, _) = self.own.case(places), self.other.case(places)
        network, positions = self.own.network, self.positions[places]
        return Given(
            case,
            method.explain(network, case, target),
            positions,
            self.model.pairs["group"].to_numpy()[positions],
            self.model.evidence.masks(self.own, places, positions),
            network,
            target,
            lambda other: method.explain(other, case, target),
            [method.explain(self.other.network, again, target)],
            self.model.shuffled,
            self.known.setdefault(tuple(places), {}),
        )
