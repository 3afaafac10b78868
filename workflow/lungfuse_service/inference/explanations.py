"""What a model decided by in a case: how much each input, each word and each column, and pictures over the image."""

import io

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, TwoSlopeNorm
from PIL import Image

from lungfuse.errors import UserError
from lungfuse.imaging.decode import unfit_square
from lungfuse.new_cases.pictures import explained_part
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.draw import SIGNED, UNSIGNED
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.kinds import stored_folds
from lungfuse.relevance.methods import method
from lungfuse.settings.ingest import Fit

METHODS = ["integrated-gradients", "occlusion", "grad-cam"]  # in seconds, of all modalities and of images
SMOOTH = 256  # pixels of the side of a picture
UNKNOWN = "not known"
STRONGEST = 0.75  # how much of the image a picture covers at most

Pictures = dict[str, bytes]


def explain(predictor: Predictor, case: pd.DataFrame, stamps: dict[str, str]) -> tuple[dict, dict[str, np.ndarray]]:
    """What a model, which is loaded, decides by, and the map of the image by each method, (y, x).

    A model that cannot be explained says why in `none`.
    """
    try:
        (part,) = predictor.parts(case)
        (found,) = explained_part(predictor, part, [method(name) for name in METHODS])
    except UserError:
        return {"none": "This kind of model cannot be explained."}, {}
    methods = [_method(name, found, stamps.get(name, "")) for name in METHODS]
    about = {
        "target": found.title.partition(" for ")[2].partition(":")[0],
        "modalities": {name: round(value, 4) for name, value in found.modalities.items()},
        "words": found.words,
        "columns": {name: UNKNOWN if cell == "?" else cell for name, cell in found.columns.items()},
        "methods": [each for each in methods if each],
    }
    return about, found.images


def _method(name: str, found: Explained, stamp: str) -> dict:
    """What a method says, in logits; empty where it cannot explain the model."""
    said = {"words": found.of_words.get(name), "columns": found.of_columns.get(name)}
    numbers = {kind: np.round(values, 4).tolist() for kind, values in said.items() if values is not None}
    if not numbers and name not in found.images:
        return {}
    spec = method(name)
    about = {"name": name, "title": spec.title, "caption": spec.caption, "checks": stamp, "signed": spec.signed}
    return about | {"image": name in found.images} | numbers


def image_fit(predictor: Predictor) -> Fit:
    """How the model of an image makes a square of it."""
    parts = (part for fold in predictor.fold_models for part in stored_folds(fold) if "image" in part.reads)
    return next(parts).config.image_settings.fit


def picture(relevance: np.ndarray, name: str, size: tuple[int, int], fit: Fit) -> bytes:
    """A map, (y, x), as a transparent PNG that lies over an image of (width, height)."""
    most = max(float(np.quantile(np.abs(relevance), 0.995)), 1e-12)
    signed = method(name).signed
    norm = TwoSlopeNorm(0, -most, most) if signed else Normalize(0, most)
    smooth = Image.fromarray(relevance.astype(np.float32)).resize((SMOOTH, SMOOTH), Image.Resampling.BICUBIC)
    values = np.asarray(smooth)
    colours = matplotlib.colormaps[SIGNED if signed else UNSIGNED](norm(values))
    shown = np.abs(values) if signed else values
    colours[..., 3] = np.clip(shown / most, 0, 1) ** 0.7 * STRONGEST
    square = Image.fromarray((colours * 255).astype(np.uint8), "RGBA")
    scale = min(1.0, 2 * SMOOTH / max(size))
    stream = io.BytesIO()
    unfit_square(square, tuple(max(1, round(side * scale)) for side in size), fit).save(stream, "png")
    return stream.getvalue()
