"""Models of a comparison that differ in one thing."""

from collections.abc import Sequence
from dataclasses import dataclass

from lungfuse.modalities import in_order
from lungfuse.modalities.image import at_places, places_of
from lungfuse.models.naming import sources_of
from lungfuse.settings.model import ModelConfig

FOLLOWS = {"name", "parts", "sources", "segmenter", "explained"}  # from what a model reads, or changes nothing of it


@dataclass(frozen=True)
class Contrast:
    """Models, by their positions, that differ from one in one thing: what they read in place of it."""

    intact: int
    changed: list[int]
    change: str


def contrasts(models: Sequence[ModelConfig]) -> list[Contrast]:
    """What the parts of a study are worth: other images, one input shuffled, dropped, alone, or left out.

    Models on segmented images, backgrounds or masks stand against the same model on raw images, and shuffled or dropped
    ones against the intact one. Fusions stand against the models of any architecture that read one of their inputs
    alone and, where they read three or more, against those that read all others. A model without its counterpart is
    left out.
    """
    found, described = [], [model.model_dump(exclude=FOLLOWS) for model in models]
    for position, model in enumerate(models):
        raw = at_places("raw", places_of(model.images)) if model.images else ""
        if model.ablation or model.images != raw:
            other = {"ablation": ""} if model.ablation else {"inputs": model.inputs | {"image": raw}}
            intact = described[position] | other
            if intact in described:
                found.append(Contrast(described.index(intact), [position], model.ablation or model.images))
        elif len(model.inputs) > 1:
            for change, modalities in _parts(in_order(model.inputs)).items():
                reading = [n for n, part in enumerate(models) if _reads(part, model, modalities)]
                found += [Contrast(position, reading, change)] if reading else []
    return found


def fused_inputs(models: Sequence[ModelConfig]) -> list[set[str]]:
    """The sets of inputs that models of a study fuse, each once, in the order of the models."""
    found = [frozenset(sources_of(model)) for model in models if len(model.inputs) > 1 and not model.ablation]
    return list(map(set, dict.fromkeys(found)))


def _parts(modalities: list[str]) -> dict[str, list[str]]:
    parts = {f"{modality} alone": [modality] for modality in modalities}
    if len(modalities) > 2:
        parts |= {f"without {one}": [other for other in modalities if other != one] for one in modalities}
    return parts


def _reads(part: ModelConfig, model: ModelConfig, modalities: list[str]) -> bool:
    """Whether a model reads what another reads of these modalities, and nothing else."""
    read = {source for source in sources_of(model) if source.split(" ", 1)[0] in modalities}
    return not part.ablation and sources_of(part) == read
