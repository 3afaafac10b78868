"""What a trained network costs to predict with: parameters, and time."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lungfuse.encoders import CONFIG
from lungfuse.encoders.network import build_encoder
from lungfuse.files import slug
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.several import parts_of
from lungfuse.plan.names import ENCODER_ROOT
from lungfuse.settings.model import ModelConfig
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import LABELS, PART_SCORES, PairDataset

CASES = 32  # at most, that are timed


def cost_of(module: Classifier, dataset: PairDataset, config: ModelConfig, tested: np.ndarray) -> dict[str, float]:
    """The parameters of a network with the encoders of its inputs, how many learn, and milliseconds a case from pixels
    to scores.

    Time is that of this machine on the threads of the training, of some of the pairs at the positions `tested`. Where
    encoders have not learned, so that their tokens are made already, blank inputs of the same size are encoded.
    """
    cases = tested[:CASES].tolist()
    frozen = {
        name: each for name, each in config.encoders.items() if name in config.inputs and name not in module.encoders
    }
    encoders = {name: build_encoder(each, ENCODER_ROOT / slug(each) / CONFIG).eval() for name, each in frozen.items()}
    found = {name: each for name, each in dataset[cases].items() if name not in (LABELS, PART_SCORES)}
    module.eval()
    seconds = _seconds(lambda: module.predict_step(found, 0))
    for name, encoder in encoders.items():
        for source in parts_of(dataset.sources[name]):
            batch = blank(name, source, config, cases)
            seconds += _seconds(lambda encoder=encoder, batch=batch: encoder.tokens(batch))
    count = sum(each.numel() for part in [module, *encoders.values()] for each in part.parameters())
    learned = sum(each.numel() for each in module.parameters() if each.requires_grad)
    taken = {"parameters": count, "learned_parameters": learned}
    return taken | {"ms_per_case": round(1000 * seconds / len(cases), 3)}


def blank(name: str, source: Source, config: ModelConfig, cases: list[int]) -> dict[str, Tensor]:
    """Blank images or texts of the size of those at some positions, for an encoder."""
    if name == "image":
        side, colours = config.image_settings.image_size, [3] if config.image_settings.colour else []
        return {"pixels": torch.zeros(len(cases), side, side, *colours)}
    length = max(1, int(source.lengths[cases].max()))
    return {"ids": torch.ones(len(cases), length, dtype=torch.long), "mask": torch.ones(len(cases), length).bool()}


def _seconds(work: Callable[[], object]) -> float:
    """Of the second time, for the first one prepares what is needed."""
    with torch.inference_mode():
        work()
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
