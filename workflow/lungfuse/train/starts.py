"""Encoders with the weights that they start from: those they come with, or those that another training has left."""

import json
from pathlib import Path

import torch

from lungfuse.encoders.network import Encoder, load_encoder, load_into, load_weights
from lungfuse.files import slug
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.tuning import Tuning, tuning


def load_encoders(encoders: dict[str, str], starts: dict[str, Path], encoder_root: Path) -> dict[str, Encoder]:
    """Encoders by modality, from their names; those of `starts` have the weights of a trained network."""
    loaded = {}
    for modality, name in encoders.items():
        loaded[modality] = load_encoder(name, encoder_root / slug(name))
        if modality in starts:
            load_start(loaded[modality], starts[modality], modality)
    return loaded


def load_start(encoder: Encoder, weights: Path, modality: str) -> None:
    """Give an encoder the weights that it has in a trained network, as a plain encoder.

    Raises:
        UserError: the file is missing, damaged or of another encoder.
    """
    way, before = tuned(weights, modality)
    if not way.adds:
        load_into(encoder, trained_encoder(weights, modality), weights)
        return
    if before:
        load_start(encoder, before, modality)
    way.set_up(encoder)
    kept = tuple(name for name, each in encoder.named_parameters() if not each.requires_grad)
    load_into(encoder, trained_encoder(weights, modality), weights, kept)
    way.merge(encoder)


def tuned(weights: Path, modality: str) -> tuple[Tuning, Path | None]:
    """How the encoder in a trained network was trained, and the weights of another that it started from, if any."""
    settings = json.loads(weights.with_name(TRAINED_SETTINGS).read_text(encoding="utf-8"))
    start = settings.get("starts", {}).get(modality)
    return tuning(settings.get("model", settings)["train"]["layers"]), start and weights.parent / start


def with_starts(weights: Path, modality: str) -> list[Path]:
    """The weights of a trained network, and those below what was added to its encoder, one after the other."""
    way, before = tuned(weights, modality)
    return [weights, *(with_starts(before, modality) if way.adds and before else [])]


def trained_encoder(weights: Path, modality: str) -> dict[str, torch.Tensor]:
    """The encoder of `modality` in the weights of a trained network."""
    prefix = f"encoders.{modality}."
    return {key.removeprefix(prefix): value for key, value in load_weights(weights).items() if key.startswith(prefix)}
