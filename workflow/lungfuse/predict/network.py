"""Networks of one fold: unimodal rows and fusions."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lungfuse.encoders import WEIGHTS
from lungfuse.encoders.network import load_into, load_weights
from lungfuse.modalities import load_cases
from lungfuse.modalities.data_files import Source
from lungfuse.predict.cases import Batch
from lungfuse.predict.fold_model import StoredFold, fold_of
from lungfuse.predict.folders import read_settings
from lungfuse.predict.frozen import load_frozen
from lungfuse.settings.training import FusionSettings, TrainSettings
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import LABELS, PairDataset, in_order
from lungfuse.train.precision import autocast
from lungfuse.train.train import build, load_encoders


class NetworkFold(StoredFold):
    """A network with the encoders that it was trained with, or on whose features."""

    def __init__(self, folder: Path, settings: dict[str, Any]):
        super().__init__(folder, settings)
        self.fusion = FusionSettings.model_validate(settings["fusion"])
        self.train = TrainSettings.model_validate(settings["train"])
        self.frozen = self.train.layers == "frozen"
        # encoders that have learned on are among the row's own weights
        self.starts = [folder / start for start in settings["starts"] if self.frozen]

    @property
    def reads_means(self) -> bool:
        """Whether it reads the mean of each pair's tokens instead of all."""
        return self.preprocessing.encoders.gives_means(self.train)

    @property
    def files(self) -> list[Path]:
        return [self.folder / WEIGHTS, *self.starts]

    def load_files(self, encoder_root: Path) -> None:
        named = self.preprocessing.encoders
        if self.frozen and not self.starts:
            encoders = load_frozen(named.of(self.row.inputs), encoder_root)
        else:
            encoders = load_encoders(self.row, named, encoder_root, self.starts)
        self.frozen_encoders = encoders if self.frozen else {}
        tokenizers, model = build(self.row, self.preprocessing.known, self.task, named, self.fusion)
        own, weights = {} if self.frozen else encoders, torch.ones(self.task.outputs)
        module = Classifier(own, tokenizers, model, self.task, self.train, weights, seed=0)
        load_into(module, load_weights(self.folder / WEIGHTS), self.folder / WEIGHTS)
        self.module = module.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        if self.preprocessing.segmenter is not None:
            load_cases("image").segmenter_in(self.preprocessing.segmenter.resolve())

    def score(self, batch: Batch) -> np.ndarray:
        return self.score_sources({name: self._source(batch, name) for name in self.row.modalities}, len(batch))

    def score_sources(self, sources: dict[str, Source], count: int) -> np.ndarray:
        """Scores of `count` cases by what is read of them, of frozen encoders the features; see `score`."""
        dataset = PairDataset(np.zeros((count, 1)), sources)
        device, scores = self.module.class_weights.device, []
        for positions in in_order(np.arange(count), 2 * self.train.batch_size):
            batch = {name: each for name, each in dataset[positions].items() if name != LABELS}
            batch = {name: {key: tensor.to(device) for key, tensor in each.items()} for name, each in batch.items()}
            with torch.inference_mode(), autocast(device.type, self.train.precision):
                scores.append(self.module.predict_step(batch, 0).cpu())
        return torch.cat(scores).double().numpy()

    def _source(self, batch: Batch, name: str) -> Source:
        if name in self.frozen_encoders:
            return self.features(batch, name, self.frozen_encoders[name], self.train.precision)
        return batch.source(name, self.row.inputs[name], self.preprocessing)


def read_network(folder: Path) -> NetworkFold:
    """The network in the folder of a fold, not loaded yet.

    Raises:
        UserError: the folder holds none, or one of another version.
    """
    return fold_of(NetworkFold, folder, read_settings(folder))
