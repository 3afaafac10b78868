"""The model that a model is compared with."""

from lungfuse.models.naming import sources_of
from lungfuse.settings.model import ModelConfig


def reference(model: ModelConfig, models: list[ModelConfig], validated: list[float]) -> int | None:
    """The model that a model is held against: of those that read a part of its inputs, that with the best primary
    metric on validation pairs. Models with an input shuffled or dropped are neither held against one nor are they one.
    """
    parts = [
        n
        for n, part in enumerate(models)
        if not part.ablation and sources_of(part) and sources_of(part) < sources_of(model)
    ]
    return max(parts, key=validated.__getitem__, default=None) if not model.ablation else None
