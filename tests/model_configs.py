"""Models of a study with all their settings, as tests need them: what is not given is small."""

from typing import Any

from lungfuse.modalities import in_order
from lungfuse.models import encoded_for, kind_spec, model_spec
from lungfuse.plan.resolve import text_tokens
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.model import ModelConfig, ModelSettings
from lungfuse.settings.training import AugmentSettings, EncoderSettings, TrainSettings

AUGMENT = AugmentSettings(rotation=7.0, shift=0.06, scale=0.08, contrast=0.15, brightness=12.0, gamma=0.0)
NO_AUGMENT = AugmentSettings(rotation=0, shift=0, scale=0, contrast=0, brightness=0, gamma=0)
TRAIN = TrainSettings(
    init_from="encoder", layers="full", epochs=3, batch_size=8, learning_rate=1e-3, encoder_learning_rate=1e-3,
    weight_decay=0.01, warmup=0.1, gradient_clip=1.0, label_smoothing=0.0, patience=9, modality_dropout=0.0,
    augment=AUGMENT, word_dropout=0.0, ema_decay=0.5, precision="fp32", devices=1,
)  # fmt: skip
FUSION = {"width": 16, "heads": 2, "blocks": 1, "hidden": 8, "dropout": 0.1}
ENCODERS = {"image": "vit-tiny", "text": "bert-tiny"}
LABELS = {"binary": ["normal", "lung"], "multiclass": ["normal", "small", "large"], "multilabel": ["small", "large"]}
LABELS |= {"ordinal": LABELS["multiclass"], "regression": ["age", "20", "80"]}


def model_config(architecture: str, name: str = "", study: str = "small", task: str = "binary", **entry) -> ModelConfig:
    """A model of a small study; `entry` is what params.yaml would say of it, `train` changes single settings."""
    said = {key: entry.pop(key) for key in ["encoders", "sources", "pooling", "train"] if key in entry}
    own = {key: entry.pop(key) for key in [*entry] if key in ModelConfig.model_fields and key not in _OF_ENTRY}
    model = ModelSettings.model_validate({"architecture": architecture, **entry})
    kind, spec = kind_spec(architecture), model_spec(architecture)
    inputs = {modality: model.inputs[modality] for modality in in_order(model.inputs)}
    found: dict[str, Any] = {"settings": spec.completed(model.settings), "parts": model.parts, "inputs": inputs}
    if "image" in inputs:
        found["image_settings"] = ImageSettings(image_size=64, fit="pad")
        found["segmenter"] = model.images.partition(":")[2]
    if spec.paired:
        found["paired"] = {modality: found["settings"].get(modality, "") for modality in spec.paired}
    if kind.encodes:
        found |= _encoded(encoded_for(architecture, inputs), ENCODERS | said.get("encoders", {}), said)
    if kind.trained:
        read = spec.fusion | ({"width"} if "structured" in inputs else set())
        found["fusion"] = {key: value for key, value in FUSION.items() if key in read}
        found["train"] = TRAIN.model_copy(update=said.get("train", {}))
    known = {"name": name or architecture, "study": study, "architecture": architecture, "ablation": model.ablation}
    known |= {"task": task, "labels": LABELS[task], "seed": 0, "class_weights": "balanced", "folds": 3}
    return ModelConfig.model_validate(known | found | own)


_OF_ENTRY = {"inputs", "ablation", "settings", "parts"}


def _encoded(modalities: list[str], named: dict[str, str], said: dict[str, Any]) -> dict[str, Any]:
    encoders = {modality: named[modality] for modality in modalities}
    found: dict[str, Any] = {
        "encoders": encoders,
        "sources": encoders | said.get("sources", {}),
        "precision": said.get("train", {}).get("precision", "fp32"),
    }
    found["pooling"] = said.get("pooling", "none")
    if "text" in encoders:
        chosen = EncoderSettings(image="vit-tiny", text=encoders["text"], pooling="none", max_tokens=None)
        found["max_tokens"] = text_tokens(chosen)
    return found
