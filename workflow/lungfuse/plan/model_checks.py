"""Whether the models of a study fit it, their architectures, and each other."""

from collections.abc import Iterator

from lungfuse.datasets import columns_of, load_dataset
from lungfuse.datasets.table import sections_of
from lungfuse.encoders import encoder_spec
from lungfuse.errors import UserError
from lungfuse.modalities import encoded, in_order, load_modality, modality_names
from lungfuse.modalities.image import places_of
from lungfuse.modalities.text import sources as sections_read
from lungfuse.models import kind_spec, model_names, model_spec
from lungfuse.models.naming import sources_of
from lungfuse.plan.problems import (
    Problem,
    attention_problem,
    encoder_problem,
    layers_problem,
    length_problem,
    settings_problems,
)
from lungfuse.plan.resolve import (
    audit_columns,
    encoders_of,
    encoders_read,
    parts_of,
    parts_trained,
    seeds_of,
    taught_from,
    train_of,
)
from lungfuse.plan.search_space import searched_config
from lungfuse.settings.model import CHANGES, SHORTHANDS, ModelSettings
from lungfuse.settings.study import Study
from lungfuse.settings.training import EncoderSettings, TrainSettings
from lungfuse.tasks import task_spec
from lungfuse.tuning import tuning
from lungfuse.words import joined

PROBE = "linear-probe"  # which is explained as the network that it is
ABLATED = ["fusion", "classical", "late"]  # kinds of architectures


def check_models(study: Study) -> Iterator[Problem]:
    """What is wrong with the models of a study; with each, the first thing."""
    wrong = False
    for checks in [_of_itself, _of_inputs, _of_settings, _of_parts, _of_repeats]:
        for name, model in study.models.items():
            for place, problem in checks(study, model):
                wrong = True
                yield f"models.{name}{place}", problem
        if wrong:
            return


def _of_itself(study: Study, model: ModelSettings) -> Iterator[Problem]:
    if model.architecture not in model_names():
        yield ".architecture", f"found {model.architecture!r}, expected one of {', '.join(model_names())}"
        return
    for modality, choice in model.inputs.items():
        if modality not in modality_names():
            yield "", f"inputs: found {modality!r}, expected some of {', '.join(modality_names())}"
            return
        try:
            load_modality(modality).check(choice)
        except (ValueError, UserError) as error:
            said = {name: key for key, name in SHORTHANDS.items()}[modality] if modality in SHORTHANDS.values() else ""
            yield "", f"{said or f'inputs.{modality}'}: found {choice!r}, {error}"
            return
    spec = model_spec(model.architecture)
    if not spec.takes(set(model.inputs)):
        yield (
            "",
            f"{model.architecture} takes {spec.in_words()}, found {joined(model.inputs) or 'none'}: set or remove "
            "`images`, `text` and `structured`",
        )
        return
    if problem := spec.problem(model.settings):
        yield "", problem
    if (asked := task_spec(study.task).asks_for) not in spec.learns:
        learned = f"{model.architecture} learns {joined(spec.learns)} alone"
        yield "", f"{learned}, and the task {study.task} asks for {asked}. Remove the model"
    yield from _of_ablation(model)


def _of_ablation(model: ModelSettings) -> Iterator[Problem]:
    change, _, modality = model.ablation.partition("-")
    if model.ablation and (change not in CHANGES or modality not in model.inputs):
        expected = " or ".join(f"{each}-" for each in CHANGES)
        inputs = ", ".join(in_order(model.inputs))
        yield "", f"ablation: found {model.ablation}, expected {expected} and one of {inputs}"
    elif model.ablation and (len(model.inputs) < 2 or kind_spec(model.architecture).name not in ABLATED):
        yield (
            "",
            f"ablation: only a model of several inputs that fuses them can be shuffled, found {model.architecture}",
        )
    elif model.ablation and model_spec(model.architecture).any_parts:
        yield "", f"ablation: found {model.ablation}, but {model.architecture} has no part of one input to shuffle"
    elif change == "dropped" and kind_spec(model.architecture).combines:
        yield "", f"ablation: found {model.ablation}, but {model.architecture} can only be shuffled"


def _of_inputs(study: Study, model: ModelSettings) -> Iterator[Problem]:
    if missing := set(model.inputs) - set(study.modalities):
        yield "", f"needs {joined(missing)}, which is not among the modalities"
        return
    yield from _of_places(study, model)
    if unknown := [name for name in sections_read(model.text) if name and name not in study.filter.text_fields]:
        yield "", f"reads {joined(unknown)}, which is not among filter.text_fields"
    if not model.structured:
        return
    if of_device := set(model.structured) & set(audit_columns(study)):
        yield (
            ".structured",
            f"no model may read {joined(of_device)}: the dataset {study.dataset} has it for audits alone, for it shows "
            "how the data were acquired, not the patient. Leave it out",
        )
    if of_labels := {rule.column for rule in study.filter.labels} & set(model.structured):
        yield ".structured", f"found {joined(of_labels)}, which the labels are read from. Leave it out"
    known = columns_of(load_dataset(study.dataset, study.table))
    if unknown := [name for name in model.structured if name not in known]:
        yield (
            ".structured",
            f"found {', '.join(unknown)}, which the dataset {study.dataset} does not have. It has "
            f"{', '.join(known) or 'no structured columns'}",
        )


def _of_places(study: Study, model: ModelSettings) -> Iterator[Problem]:
    """Whether the images that a model reads are of views that a case has, and its several inputs can be read so."""
    views = ", ".join(study.places) or "none, for `view` is no list, so a case has one image"
    if unknown := [place for place in places_of(model.images) if place not in study.places]:
        yield ".images", f"found the view {unknown[0]}, expected some of the views of a case: {views}"
    if model.explained and (places_of(model.images) or len(sections_read(model.text)) > 1):
        yield ".explained", "found true, but models of cases with several images or texts are not explained yet"
    texts = sections_of(study.table) if study.table else {}
    redacted = {tuple(texts[name].redact_terms) for name in sections_read(model.text) if name in texts}
    if len(redacted) > 1:
        yield ".text", f"found {model.text} with different redact_terms; give the texts that are read together the same"


def check_settings(study: Study, model: ModelSettings) -> Iterator[Problem]:
    """What is wrong with the settings of a model, whose inputs are known to be right."""
    if problem := model_spec(model.architecture).problem(model.settings):
        yield "", problem
        return
    yield from [*_of_settings(study, model)] or [*_of_parts(study, model)]


def _of_settings(study: Study, model: ModelSettings) -> Iterator[Problem]:
    found = [*settings_problems(".train", TrainSettings, lambda: train_of(study, model))]
    found += settings_problems(".encoders", EncoderSettings, lambda: encoders_of(study, model))
    if found:
        yield from found
        return
    encoders = encoders_of(study, model)
    for modality in [*encoded(model.inputs), *model_spec(model.architecture).paired]:
        if problem := encoder_problem(modality, getattr(encoders, modality)):
            yield f".encoders.{modality}", problem
            return
    if "text" in encoders_read(study, model) and (problem := length_problem(encoders.text, encoders.max_tokens)):
        yield ".encoders.max_tokens", problem
    if (model.n_seeds or 0) > study.split.repeats:
        yield ".n_seeds", too_often(model.n_seeds, study)
    kind = kind_spec(model.architecture)
    if model.explained and not (kind.trained or kind.combines or model.architecture == PROBE):
        yield ".explained", f"found true, but {model.architecture} is no network; leave it out, or explain a {PROBE}"
    if model.explained and "image" in model.inputs and not getattr(encoder_spec(encoders.image), "grid", True):
        yield ".explained", f"found true, but the tokens of {encoders.image} have no place in the image; leave it out"
    if kind.trained:
        yield from _of_layers(study, model)
    yield from _of_prompts(study, model)


def _of_prompts(study: Study, model: ModelSettings) -> Iterator[Problem]:
    """Whether a model that scores by prompts has some for each class or label, and learns from texts that are there."""
    spec = model_spec(model.architecture)
    settings, labels = spec.completed(model.settings), study.labels
    exclusive = task_spec(study.task).exclusive
    for name in ["prompts", "absent"] if spec.paired else []:
        expected = [] if exclusive and name == "absent" else labels
        if list(settings[name]) != expected:
            found = ", ".join(settings[name]) or "none"
            yield (
                f".settings.{name}",
                f"found {found}, expected texts for {', '.join(expected) or 'none'}, in this order",
            )
    if spec.paired and not set(spec.paired) & set(settings) and tuning(train_of(study, model).layers).learns:
        yield ".train.layers", f"nothing learns in {model.architecture}; say frozen, or use the architecture two-tower"
    for modality in spec.paired:
        section = settings.get(modality, "")
        if section and (modality not in study.modalities or section not in study.filter.text_fields):
            yield f".settings.{modality}", f"found {section}, which is not among filter.text_fields of a study of texts"


def too_often(n_seeds: int, study: Study) -> str:
    """That a model cannot be trained so often, for want of folds."""
    return (
        f"found {n_seeds}, but each training takes new folds, and split.repeats, how often they are drawn, is "
        f"{study.split.repeats}. Say {study.split.repeats} or less, or raise split.repeats"
    )


def _of_layers(study: Study, model: ModelSettings) -> Iterator[Problem]:
    layers = train_of(study, model).layers
    if problem := layers_problem(layers):
        yield ".train.layers", problem
        return
    chosen = tuning(layers)
    for encoder in encoders_read(study, model).values():
        count = encoder_spec(encoder).layers
        if chosen.name == "top" and count and chosen.number > count:
            yield ".train.layers", f"found {layers}, but {encoder} has {count} layers; say full"
        elif problem := attention_problem(layers, encoder):
            yield ".train.layers", problem


def _of_parts(study: Study, model: ModelSettings) -> Iterator[Problem]:
    kind, spec, parts = kind_spec(model.architecture), model_spec(model.architecture), parts_of(study, model)
    roles, needed = spec.roles, set(model.inputs) if kind.combines and not spec.any_parts else set()
    if kind.name == "fusion" and train_of(study, model).init_from == "unimodal":
        needed = set(encoded(model.inputs))
    if absent := needed - set(parts):
        yield (
            "",
            f"combines other models, but no model of {joined(absent)} has the same input; name one under parts",
        )
    if unnamed := set(roles) - set(parts):
        yield ".parts", f"{model.architecture} learns from a {joined(unnamed)}, found none; name a model for it"
    if spec.any_parts and len(set(parts.values())) < max(2, len(parts)):
        yield ".parts", f"{model.architecture} combines two or more models, found {joined(parts.values()) or 'none'}"
    if (strange := set(model.parts) - set(model.inputs) - set(roles)) and not spec.any_parts:
        yield ".parts", f"{model.architecture} has no part {joined(strange)}"
    if unknown := set(parts.values()) - set(study.models):
        yield ".parts", f"there is no model {joined(unknown)}"
        return
    for role, name in parts.items() if kind.combines else ():
        if problem := _combined_problem(role, study.models[name], model):
            yield ".parts", f"{role}: found {name}, {problem}"
            return
    read = {source for name in parts.values() for source in sources_of(study.models[name])}
    if kind.combines and (unread := sorted(sources_of(model) - read)):
        yield (
            ".parts",
            f"none of {joined(parts.values())} reads {joined(unread)}; name a model that does, or leave it out",
        )
        return
    for role in set(roles) & set(parts):
        if not kind_spec(study.models[parts[role]].architecture).trained:
            yield ".parts", f"{role}: found {parts[role]}, which is no network; name a model that is trained"
            return
    taught = [name for name in taught_from(study) if model_spec(study.models[name].architecture).roles] if roles else []
    if taught:
        yield (
            ".parts",
            f"found {taught[0]} behind {joined(roles)}, which learns from another model; name one that does not",
        )


def _combined_problem(role: str, part: ModelSettings, model: ModelSettings) -> str:
    """What is wrong with a model that has a role in another, which combines several, or nothing."""
    if kind_spec(part.architecture).combines:
        return "which combines models itself; name those, or a network that fuses the inputs"
    if other := set(sources_of(part)) - set(sources_of(model)):
        return f"which reads {joined(other)}, and {model.architecture} does not; add it to its inputs, or leave it out"
    if role not in part.inputs and not model_spec(model.architecture).any_parts:
        return f"which reads no {role}; name a model that does"
    return ""


def _of_repeats(study: Study, model: ModelSettings) -> Iterator[Problem]:
    """A part is trained on the same folds: that of another repeat has learned from pairs that are tested here."""
    asked = seeds_of(study, model)
    for name in parts_trained(study, model):
        if (least := seeds_of(study, study.models[name])) < asked:
            yield (
                ".n_seeds",
                f"found {asked}, but {name}, which it combines or starts from, is trained {least} times, and each "
                f"training has folds of its own; say {least} or less, or {asked} for {name}",
            )


def check_twins(study: Study) -> Iterator[Problem]:
    """Models that are the same in everything but their names."""
    seen: dict[str, str] = {}
    for name in study.models:
        same = searched_config("", study, name).model_copy(update={"name": "a"})
        first = seen.setdefault(same.model_dump_json(), name)
        if first != name:
            yield f"models.{name}", f"is the same as {first} in everything; remove one"
