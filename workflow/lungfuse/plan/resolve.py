"""Models of a study with all their settings: what is said of one, laid over what is said of all."""

from collections.abc import Iterable
from typing import Any

from lungfuse.datasets import audit_columns_of, load_dataset
from lungfuse.datasets.table import sections_of
from lungfuse.encoders import encoder_spec
from lungfuse.files import slug
from lungfuse.modalities import encoded, in_order, load_modality
from lungfuse.modalities.image import variant_of
from lungfuse.modalities.text import sources as sections_read
from lungfuse.models import encoded_for, kind_spec, model_spec
from lungfuse.plan.reading import reading_of
from lungfuse.plan.runs import inner_runs, run_names
from lungfuse.settings.base import overlay
from lungfuse.settings.model import ModelConfig, ModelSettings
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER
from lungfuse.settings.study import Study
from lungfuse.settings.training import EncoderSettings, TrainSettings
from lungfuse.tuning import tuning

PRETRAINED = {  # kinds of starts that are pre-trainings, and what stands behind the name of the encoder
    "pretrained": "_pretrained",
    "pretrained-without-labels": "_pretrained-without-labels",
}


def models_of(study: Study, stage: str) -> list[str]:
    """The names of the models that a stage makes."""
    return [name for name, model in study.models.items() if kind_spec(model.architecture).stage == stage]


def trained_models(study: Study) -> list[str]:
    """The names of the networks, which are trained fold by fold."""
    return models_of(study, "train")


def seeds_of(study: Study, model: ModelSettings) -> int:
    """How often a model is trained, each time with a new seed and new folds."""
    return model.n_seeds or study.n_seeds


def runs_of(study: Study, model: ModelSettings) -> list[str]:
    """The trainings of a model, by the names of their folders after `fold`: <k> or <k>_repeat<n>."""
    return run_names(study.split.folds, seeds_of(study, model))


def taught_from(study: Study) -> set[str]:
    """The models that others learn from, and those that these start from: they have inner trainings too."""
    found, left = set(), []
    for model in study.models.values():
        left += [part for role, part in parts_of(study, model).items() if role in model_spec(model.architecture).roles]
    while left:
        name = left.pop()
        if name in study.models and name not in found:
            found.add(name)
            left += parts_trained(study, study.models[name])
    return found


def all_runs(study: Study) -> list[str]:
    """The trainings of the models that are trained most often, and the inner ones of each, where there are some."""
    runs = runs_of(study, max(study.models.values(), key=lambda model: seeds_of(study, model)))
    return [*runs, *(inner for run in runs for inner in inner_runs(run) if taught_from(study))]


def train_of(study: Study, model: ModelSettings) -> TrainSettings:
    """The training settings of a model."""
    return TrainSettings.model_validate(overlay(study.train.model_dump(), model.train), strict=True)


def pretrain_of(study: Study) -> TrainSettings:
    """The training settings of the pre-training."""
    return TrainSettings.model_validate(overlay(study.train.model_dump(), study.pretraining.train), strict=True)


def encoders_of(study: Study, model: ModelSettings) -> EncoderSettings:
    """The encoders of a model, for all modalities."""
    return EncoderSettings.model_validate(study.encoders.model_dump() | model.encoders, strict=True)


def encoders_read(study: Study, model: ModelSettings) -> dict[str, str]:
    """The names of the encoders that a model reads with, by modality in order."""
    named = encoders_of(study, model)
    return {modality: getattr(named, modality) for modality in encoded_for(model.architecture, model.inputs)}


def is_part_of(study: Study, part: ModelSettings, model: ModelSettings) -> bool:
    """Whether a unimodal model reads what another reads of its modality, with the same encoder."""
    if len(model.inputs) < 2 or any(model.inputs.get(modality) != choice for modality, choice in part.inputs.items()):
        return False
    spec = model_spec(part.architecture)
    plain = kind_spec(part.architecture).name == "unimodal" and not spec.roles and not spec.paired
    return plain and _encode_alike(study, part, model)


def _encode_alike(study: Study, part: ModelSettings, model: ModelSettings) -> bool:
    own, other = (encoders_of(study, each) for each in [part, model])
    return all(getattr(own, modality) == getattr(other, modality) for modality in encoded(part.inputs))


def parts_of(study: Study, model: ModelSettings) -> dict[str, str]:
    """The models that a model combines or starts from, by role, the modalities in order; absent ones are left out."""
    found: dict[str, str] = {}
    if model_spec(model.architecture).any_parts:
        return dict(model.parts)
    for name, part in study.models.items():
        if is_part_of(study, part, model):
            found.setdefault(in_order(part.inputs)[0], name)
    found = found | model.parts
    roles = [*in_order(model.inputs), *model_spec(model.architecture).roles]
    return {role: found[role] for role in roles if role in found}


def source_of(study: Study, model: ModelSettings, modality: str) -> str:
    """Where the encoder of a model starts, see `ModelConfig.sources`."""
    start, name = train_of(study, model).init_from, encoders_read(study, model)[modality]
    if kind_spec(model.architecture).name == "fusion" and start == "unimodal":
        part = parts_of(study, model)[modality]
        train = train_of(study, study.models[part])
        if tuning(train.layers).learns:
            return f"{part}_fold{{run}}"
        start = train.init_from
    return f"{name}{PRETRAINED.get(start, '')}" if modality == "image" else name


def pretraining_of(encoder: str, source: str) -> str:
    """What the pre-training that a source is of is called: <encoder> or <encoder>-without-labels."""
    return slug(encoder) + source.removeprefix(f"{encoder}_pretrained")


def parts_trained(study: Study, model: ModelSettings) -> list[str]:
    """The models whose trainings a model combines or starts from."""
    kind, parts = kind_spec(model.architecture), parts_of(study, model)
    if kind.combines:
        return list(parts.values())
    started = encoded(model.inputs) if kind.name == "fusion" else []
    learned = [parts[name] for name in started if "{run}" in source_of(study, model, name)]
    return list(dict.fromkeys([*learned, *(parts[role] for role in model_spec(model.architecture).roles)]))


def segmenter_of(study: Study, images: str) -> str:
    """The segmenter whose masks some images need, or none; plain `mask-only` takes the only one that is named."""
    variant = variant_of(images)
    return segmenters_read(study)[0] if variant == "mask-only" else variant.partition(":")[2]


def image_variants(study: Study) -> list[str]:
    """The kinds of images that models read, each once."""
    return list(dict.fromkeys(model.images for model in study.models.values() if model.images))


def segmenters_read(study: Study) -> list[str]:
    """The segmenters that models name, each once in their order; the packaged one where none is named."""
    named = [variant_of(images).partition(":")[2] for images in image_variants(study) if ":" in images]
    return list(dict.fromkeys(named)) or [PACKAGED_SEGMENTER]


def segmenters_used(study: Study) -> list[str]:
    """The segmenters whose masks models need, or their explanations."""
    found = [segmenter_of(study, images) for images in image_variants(study)]
    return list(dict.fromkeys(filter(None, [*found, explained_inside(study)])))


def explained_inside(study: Study) -> str | None:
    """The segmenter whose masks explanations of images are compared with, where a model of images is explained."""
    explained = any(model.explained and model.images for model in study.models.values())
    return study.explanations.inside if explained else None


def redact_terms_of(study: Study, model: ModelSettings) -> list[str]:
    """The beginnings of words whose sentences the text of a model lacks."""
    texts = sections_of(study.table) if study.table else {}
    found = [term for name in sections_read(model.text) for term in (texts[name].redact_terms if name in texts else [])]
    return list(dict.fromkeys(found))


def audit_columns(study: Study) -> list[str]:
    """The structured columns of the dataset that no model may read."""
    return audit_columns_of(load_dataset(study.dataset, study.table))


def choices_read(study: Study) -> dict[str, list[str]]:
    """What models read, by modality: kinds of images, sections, structured columns; each once, sorted."""
    found: dict[str, set[str]] = {name: set() for name in study.modalities}
    for model in study.models.values():
        for name, choice in model.inputs.items():
            found[name] |= set(load_modality(name).sources(choice))
    return {name: sorted(read) for name, read in found.items()}


def text_tokens(encoders: EncoderSettings) -> int:
    """After how many tokens texts are cut."""
    return encoders.max_tokens or encoder_spec(encoders.text).max_tokens


def config_of(title: str, study: Study, name: str) -> ModelConfig:
    """All settings of a model of the study called `title`."""
    model = study.models[name]
    spec, kind = model_spec(model.architecture), kind_spec(model.architecture)
    found: dict[str, Any] = {
        "name": name,
        "study": title,
        "inputs": {modality: model.inputs[modality] for modality in in_order(model.inputs)},
        "settings": spec.completed(model.settings),
        **{key: getattr(model, key) for key in ["architecture", "ablation"]},
        **{key: getattr(study, key) for key in ["task", "labels", "seed", "class_weights"]},
        "folds": study.split.folds,
    }
    found["table"] = reading_of(study, model)
    if "image" in model.inputs:
        found |= {"image_settings": study.images, "segmenter": segmenter_of(study, model.images)}
    if "text" in model.inputs:
        found["redact_terms"] = redact_terms_of(study, model)
    if kind.encoded(model.inputs):
        found |= _encoding(study, model)
    if spec.paired:
        found["paired"] = {modality: found["settings"].get(modality, "") for modality in spec.paired}
    if kind.trained:
        found |= _training(study, model)
    elif kind.stage == "fit" and seeds_of(study, model) > 1:
        found["n_seeds"] = seeds_of(study, model)
    return ModelConfig.model_validate(found | {"parts": _parts_read(study, model)})


def _parts_read(study: Study, model: ModelSettings) -> dict[str, str]:
    kind = kind_spec(model.architecture)
    starts = kind.name == "fusion" and train_of(study, model).init_from == "unimodal"
    if kind.combines or starts:
        return parts_of(study, model)
    return {role: name for role, name in parts_of(study, model).items() if role in model_spec(model.architecture).roles}


def _encoding(study: Study, model: ModelSettings) -> dict[str, Any]:
    names, named = encoders_read(study, model), encoders_of(study, model)
    trained = kind_spec(model.architecture).trained
    frozen = not (trained and tuning(train_of(study, model).layers).learns)
    found: dict[str, Any] = {"encoders": names}
    found["sources"] = {name: source_of(study, model, name) if trained else names[name] for name in names}
    if names and frozen:
        found |= {"pooling": named.pooling, "precision": study.train.precision}
    if "text" in names:
        found["max_tokens"] = text_tokens(named)
    return found


def _training(study: Study, model: ModelSettings) -> dict[str, Any]:
    return {"fusion": fusion_read(study, model.architecture, model.inputs), "train": train_of(study, model)}


def fusion_read(study: Study, architecture: str, inputs: Iterable[str]) -> dict[str, float]:
    """The keys of the study's `fusion` that a model reads; tokens of columns are as wide as those of its layers."""
    read = fusion_keys(architecture, inputs)
    return {key: value for key, value in study.fusion.model_dump().items() if key in read}


def fusion_keys(architecture: str, inputs: Iterable[str]) -> set[str]:
    """Those keys of `fusion` that a model reads, see `fusion_read`."""
    return model_spec(architecture).fusion | ({"width"} if "structured" in inputs else set())
