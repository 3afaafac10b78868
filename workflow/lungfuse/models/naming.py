"""How models are named in tables, and what they read, one by one."""

from lungfuse.modalities import load_modality
from lungfuse.settings.model import ModelInputs


def label(model: ModelInputs) -> str:
    """The architecture, with what an ablation takes away."""
    return ":".join(part for part in [model.architecture, model.ablation] if part)


def named(model: ModelInputs) -> dict[str, str]:
    """The columns of tables that name a model: architecture, images, text and structured columns."""
    inputs = {"images": model.images, "text": model.text, "structured": " ".join(model.structured)}
    return {"model": label(model)} | inputs


def sources_of(model: ModelInputs) -> set[str]:
    """The single things that a model reads of a case."""
    return {
        f"{modality} {source}"
        for modality, choice in model.inputs.items()
        for source in load_modality(modality).sources(choice)
    }
