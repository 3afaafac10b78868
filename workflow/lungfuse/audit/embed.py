"""Images as vectors of a pretrained encoder, for the model of an audit."""

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lungfuse.encoders import CONFIG, WEIGHTS, encoder_names
from lungfuse.errors import UserError

BATCH = 32


def embedder(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function from colour images, uint8 (image, height, width, 3), to the mean tokens of an encoder, (image, width).

    Raises:
        UserError: there is no such encoder of images, or its files cannot be had.
    """
    if name not in encoder_names("image"):
        raise UserError(f"--encoder: found {name!r}, expected one of {', '.join(encoder_names('image'))}.")
    import torch

    from lungfuse.encoders.network import load_encoder
    from lungfuse.train.encoder import main as make_encoder

    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        make_encoder(name=name, config=Path(folder) / CONFIG, weights=Path(folder) / WEIGHTS)
        network = load_encoder(name, Path(folder)).eval()

    def embed(images: np.ndarray) -> np.ndarray:
        parts = [torch.from_numpy(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        with torch.inference_mode():
            return np.concatenate([network.tokens({"pixels": part}).values.mean(1).numpy() for part in parts])

    return embed
