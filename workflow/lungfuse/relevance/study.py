"""Explain a trained model of a study, and measure what its explanations are worth."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungfuse.files import check_writable
from lungfuse.ingest.parts import folds_of, read_split
from lungfuse.parameters import Heading
from lungfuse.plan.job import Files
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import read_model
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.plan.segmentation import image_files
from lungfuse.predict.fold_models import read_fold_models
from lungfuse.processor import keep_freed_memory
from lungfuse.relevance.cases import likeliest, measured_cases, shown_cases
from lungfuse.relevance.draw import draw
from lungfuse.relevance.evidence import read_evidence
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.folds import FoldCases, batched, fold_cases
from lungfuse.relevance.given import Given
from lungfuse.relevance.maps import as_explained, maps_of
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.modalities import modality_values, shuffling_costs
from lungfuse.relevance.network import Relevance
from lungfuse.relevance.scores import explanation_scores, of_cases
from lungfuse.relevance.stamps import OF_MODALITIES, stamps_of
from lungfuse.report.style import heading, save
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.explanations import ExplanationSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.explanations import ExplanationScores
from lungfuse.tables.training import Predictions
from lungfuse.tasks import Task, load_task

OTHER_TRAININGS = 2  # with which explanations are compared, at most: each costs as much again as the explanations
SHUFFLING = "shuffling"  # the measure of how much each modality decided
TITLE, SECTION, ORDER = "Explanation", "Disagreements and explanations", 2
CAPTION = (
    "Of each class the case that is most surely right, the median one, and the most surely wrong, each by the network "
    "of the fold that never learned from it. Red speaks for the class that is explained and blue against it; methods "
    "that know no sign are drawn in yellow and violet. The bars say what each modality adds to the logit, by Shapley "
    "values. The number of checks that a method passes for this model is next to its name: see the table of "
    "explanation scores."
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
    keep_freed_memory()
    explained = ExplainedModel(read_model(model), explanations, raw)
    methods = [each for each in map(method, method_names()) if each.explains(list(explained.config.inputs))]
    measured: dict[str, list[pd.DataFrame]] = {}
    pictures: dict[int, Explained] = {}
    for fold in explained.folds():
        pictures |= fold.pictures(methods)
        for name, frame in fold.measured(methods):
            measured.setdefault(name, []).append(frame)
    tables = [
        explanation_scores(
            pd.concat(found), explained.config.name, name, **intervals.model_dump(), seed=explained.config.seed
        )
        for name, found in measured.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    write_table(table, scores, ExplanationScores)
    above = heading(f"{study_heading.title}: {explained.config.name}", study_heading.notice)
    save(draw([pictures[number] for number in sorted(pictures)], above, stamps_of(table)), figure)


class ExplainedModel:
    """A trained model of a study by its settings, and the pairs that the networks of its first training explain: those
    that are `shown`, `measured`, and `placed`, compared with known evidence alone."""

    def __init__(self, config: ModelConfig, explanations: ExplanationSettings, raw: str):
        self.config, self.layout = config, Layout(config.study)
        self.task: Task = load_task(config.task, config.labels)
        self.split = read_split(self.layout.split)
        self.fold_models = read_fold_models(self.layout.model_folder(config.name))
        self.pairs = self._scored()
        self.shown = {each.position: each for each in shown_cases(self.pairs, self.task)}
        self.measured = measured_cases(self.pairs, explanations.cases, config.seed)
        self.targets = likeliest(self.task.of("score", self.pairs), self.task)
        self.evidence = evidence = read_evidence(explanations, self.layout, raw, self.pairs, config.inputs)
        left = ~self.pairs["group"].isin(self.pairs["group"].iloc[sorted(self.measured)])
        more = self.pairs[left & evidence.known(self.targets, self.task)] if evidence.labels else self.pairs[:0]
        self.placed = measured_cases(more, explanations.cases, config.seed)
        permuted = self.layout.permuted(config.name)
        self.shuffled = shuffling_costs(permuted, self.pairs, self.task) if len(config.inputs) > 1 else {}

    def folds(self) -> Iterator["FoldExplained"]:
        """What is explained in each fold, by the network that has not learned from it."""
        for number in folds_of(self.pairs):
            here = np.flatnonzero(self.pairs["fold"] == number)
            chosen = [position for position in here if position in {*self.shown, *self.measured, *self.placed}]
            if chosen:
                yield FoldExplained(self, int(number), np.array(chosen))

    def cases(self, fold: int, positions: np.ndarray, targets: np.ndarray, training: int = 0) -> FoldCases:
        """Some pairs as the network of a fold reads them, which is in memory as long as they are."""
        fold_model = deepcopy(self.fold_models[training * self.config.folds + fold])
        return fold_cases(fold_model, self.pairs.iloc[positions], targets, self._files(), ENCODER_ROOT)

    @property
    def other_trainings(self) -> range:
        """The numbers of trainings with other seeds, and folds, than the first one."""
        return range(1, len(self.fold_models) // self.config.folds)[:OTHER_TRAININGS]

    def held_out_in(self, training: int) -> np.ndarray:
        """The fold of a training whose network has not learned from each pair, (pair,)."""
        pairs, _ = self.split.of_repeat(training)
        return pairs.set_index("pair_id")["fold"].loc[self.pairs["pair_id"]].to_numpy()

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
        pairs, _ = self.split.of_repeat(0)
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
        self.targets = targets = model.targets[positions]
        self.batches, self.placed = (
            batched([place for place, position in enumerate(positions) if position in of])
            for of in [model.measured, model.placed]
        )
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

    def measured(self, methods: list[Method]) -> Iterator[tuple[str, pd.DataFrame]]:
        """What the measures say of each method, by its name, a frame a batch, see `of_cases`."""
        by_seeds = self.by_other_seeds(methods)
        for each in methods:
            for number, few in enumerate(self.batches):
                yield each.name, of_cases(self.given(each, few, by_seeds[each.name][number]))
            for few in self.placed:
                yield each.name, of_cases(self.held_against_places(each, few))
        if self.model.shuffled:
            yield from (
                (OF_MODALITIES, of_cases(self.held_against_shuffling(few), [SHUFFLING])) for few in self.batches
            )

    def held_against_shuffling(self, places: list[int]) -> Given:
        """How much each modality decided in some cases, and what shuffling it costs."""
        (case, target), positions = self.own.case(places), self.positions[places]
        values = modality_values(self.own.network, case, target).float()
        worth = dict(zip(case.entries, values.split(1, dim=1), strict=True))
        groups, shuffled = self.model.pairs["group"].to_numpy()[positions], self.model.shuffled
        return Given(case, worth, positions, groups, shuffled=shuffled)

    def by_other_seeds(self, methods: list[Method]) -> dict[str, list[list[Relevance]]]:
        """The relevance of batches in each training with another seed, by method: each case's by the network of it that
        has not learned from the case. One network is in memory at once."""
        found = {each.name: [[] for _ in self.batches] for each in methods}
        for training in self.model.other_trainings:
            relevance = {each.name: [{} for _ in self.batches] for each in methods}
            folds = self.model.held_out_in(training)[self.positions]
            for fold in sorted({folds[place] for few in self.batches for place in few}):
                cases = self.model.cases(fold, self.positions, self.targets, training)
                for number, few in enumerate(self.batches):
                    rows = [row for row, place in enumerate(few) if folds[place] == fold]
                    for each in methods if rows else ():
                        case, target = cases.case(few)
                        of_rows = each.explain(cases.network, case.some(rows), target[rows])
                        _put(relevance[each.name][number], of_rows, rows, len(few))
            for name, batches in relevance.items():
                for number, each in enumerate(batches):
                    found[name][number].append(each)
        return found

    def held_against_places(self, method: Method, places: list[int]) -> Given:
        """The relevance of some cases by a method, and where their evidence is known to lie."""
        (case, target), positions = self.own.case(places), self.positions[places]
        relevance, groups = method.explain(self.own.network, case, target), self.model.pairs["group"].to_numpy()
        masks = self.model.evidence.masks(self.own, places, positions)
        return Given(case, relevance, positions, groups[positions], masks)

    def given(self, method: Method, places: list[int], by_seeds: list[Relevance]) -> Given:
        """The relevance of some cases by a method, and what it is compared with."""
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
            {"folds": [method.explain(self.other.network, again, target)], "seeds": by_seeds},
            known=self.known.setdefault(tuple(places), {}),
        )


def _put(whole: Relevance, part: Relevance, rows: list[int], count: int) -> None:
    """Set the relevance of some rows of `count` cases."""
    for name, each in part.items():
        whole.setdefault(name, each.new_zeros(count, *each.shape[1:]))[rows] = each
