"""Networks of one fold: unimodal models and fusions."""

from pathlib import Path

import numpy as np
import torch

from lungfuse.encoders import CONFIG, WEIGHTS
from lungfuse.encoders.network import Encoder, build_encoder
from lungfuse.files import slug
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.new_cases import Batch
from lungfuse.modalities.several import together
from lungfuse.plan.features import reads_features
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.predict.fold_model import StoredFold, fold_of
from lungfuse.predict.folders import other_version, read_settings
from lungfuse.predict.frozen import load_frozen
from lungfuse.predict.segmenters import segmenter_in
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import PairDataset, in_order, to_device
from lungfuse.train.networks import build, prompt_tokens
from lungfuse.train.starts import load_encoders
from lungfuse.train.trained import FoldSettings
from lungfuse.tuning import tuning


class NetworkFold(StoredFold):
    """A network with the encoders that it was trained with, or on whose features."""

    def __init__(self, folder: Path, settings: FoldSettings):
        super().__init__(folder, settings)
        self.train = self.config.train
        self.frozen = reads_features(self.config)
        self.starts = {name: folder / start for name, start in settings.starts.items()}

    def load_files(self, encoder_root: Path) -> None:
        config = self.config
        encoders = {}
        if self.frozen:
            as_they_come = {name: each for name, each in config.encoders.items() if name not in self.starts}
            started = {name: config.encoders[name] for name in self.starts}
            encoders = load_frozen(as_they_come, encoder_root) | load_encoders(started, self.starts, encoder_root)
        self.frozen_encoders = encoders
        try:
            tokenizers, model = build(config, self.preprocessing.known, self.task, encoder_root)
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise other_version(self.folder / TRAINED_SETTINGS, error) from error
        own = {} if self.frozen else self._own_encoders(encoder_root)
        module = Classifier(own, tokenizers, model, self.task, self.train, torch.ones(self.task.outputs), seed=0)
        module.load_learned(self.folder / WEIGHTS)
        module.merge()
        if hasattr(model, "read_prompts"):
            model.read_prompts(prompt_tokens(model, (encoders | own)["text"]))
        self.module = module.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        if self.preprocessing.segmenter is not None:
            segmenter_in(self.preprocessing.segmenter.resolve())

    def _own_encoders(self, encoder_root: Path) -> dict[str, Encoder]:
        """The encoders that have learned, whose weights are among those of the model, or are added to their own."""
        named = self.config.encoders
        if tuning(self.train.layers).adds:
            return load_encoders(named, self.starts, encoder_root)
        return {name: build_encoder(each, encoder_root / slug(each) / CONFIG) for name, each in named.items()}

    def score(self, batch: Batch) -> np.ndarray:
        return self.score_sources({name: self._source(batch, name) for name in self.config.inputs}, len(batch))

    def score_sources(self, sources: dict[str, Source], count: int) -> np.ndarray:
        """Scores of `count` cases by what is read of them, of frozen encoders the features; see `score`."""
        dataset = PairDataset(np.zeros((count, 1)), sources)
        device, scores = self.module.class_weights.device, []
        for positions in in_order(np.arange(count), 2 * self.train.batch_size):
            batch = to_device(dataset[positions], device)
            with torch.inference_mode():
                scores.append(self.module.predict_step(batch, 0).cpu())
        return torch.cat(scores).double().numpy()

    def _source(self, batch: Batch, name: str) -> Source:
        if name in self.frozen_encoders:
            return together(self.features(batch, name, self.frozen_encoders[name], self.train.precision))
        return batch.source(name, self.config.inputs[name], self.preprocessing)


def read_network(folder: Path) -> NetworkFold:
    """The network in the folder of a fold, not loaded yet.

    Raises:
        UserError: the folder holds none, or one of another version.
    """
    return fold_of(NetworkFold, folder, read_settings(folder))


FOLD = NetworkFold
