"""What trainings read, also where a search leaves that open."""

from pathlib import Path

from lungfuse.encoders import encoder_modules
from lungfuse.modalities import inputs_module
from lungfuse.models import module_of
from lungfuse.plan.features import feature_sets, reads_features
from lungfuse.plan.job import Files, flat
from lungfuse.plan.layout import Layout
from lungfuse.plan.runs import inner_runs, outer_run
from lungfuse.plan.search_space import variants_of
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import task_module
from lungfuse.tuning import tuning


def training_files(config: ModelConfig, run: str) -> Files:
    """What a training reads besides the pairs: features where the encoders do not learn, else what encoders read."""
    layout, found = Layout(config.study), columns_of(config)
    for modality in config.encoders:
        read = feature_sets(config, modality, run)
        features = read[0]
        if modality not in config.read_in_training:
            files = {"encoder": features.inputs["encoder"]}
        elif reads_features(config):
            files = {f"{modality}_features": [path for each in read for path in each.files.values()]}
            files["start"] = features.start
            files["encoder"] = features.inputs["encoder"]  # which prediction needs, and no other one
        else:
            files = features.inputs
        found = _with(found, files)
    if config.segmenter:
        found["mask_settings"] = layout.masks(config.segmenter)["settings"]
    return found


def files_read(config: ModelConfig, run: str) -> Files:
    """What the trainings of a model in a fold may read besides the pairs: with all choices of its search."""
    found: Files = {}
    for each in variants_of(config):
        found = _with(found, training_files(each, run))
    return found


def _with(found: Files, more: Files) -> Files:
    """Files with more of them, by what they hold; each once."""
    return found | {kind: flat([found[kind], paths]) if found.get(kind) else paths for kind, paths in more.items()}


def role_files(parts: dict[str, ModelConfig], run: str) -> Files:
    """What a training reads of the networks that its architecture asks for by a role: the scores of pairs that they
    have not learned from, by their training of the same fold and its inner ones."""
    found: Files = {}
    for role, part in parts.items():
        scores = [Layout(part.study).network(part.name, each)["fold_predictions"] for each in [run, *inner_runs(run)]]
        found[f"{role}_scores"] = [Layout(part.study).model(part.name), *scores]
    return found


def settings_found(config: ModelConfig, runs: list[str]) -> list[Path]:
    """The settings that the search of a model has found for its trainings, where it has one."""
    return [Layout(config.study).best(config.name, outer_run(run)) for run in runs] if config.search else []


def columns_of(config: ModelConfig) -> Files:
    """The structured columns of the pairs and their kinds, where a model reads some."""
    return dict(Layout(config.study).structured) if config.structured else {}


def modules_of(config: ModelConfig) -> tuple[str, ...]:
    """The modules that a training loads by name: of its model, its task, its inputs and their encoders."""
    tunings = [tuning(each.train.layers).module for each in variants_of(config) if each.train]
    names = [name for each in variants_of(config) for name in each.encoders.values()]
    encoders = [module for name in names for module in encoder_modules(name)]
    own = [module_of(config.architecture), task_module(config.task)]
    return tuple(dict.fromkeys([*own, *map(inputs_module, config.read_in_training), *encoders, *tunings]))


def fit_files(config: ModelConfig) -> Files:
    """What an estimator may read besides the pairs: with all choices of its search."""
    layout, read = Layout(config.study), [(each, name) for each in variants_of(config) for name in each.encoders]
    encoded = flat(list(made.files.values()) for each, name in read for made in feature_sets(each, name))
    files: Files = columns_of(config) | {"features": encoded}
    if config.segmenter:
        files["mask_settings"] = layout.masks(config.segmenter)["settings"]
    return files | {"encoder_files": flat(list(layout.encoder(each.encoders[n], n).values()) for each, n in read)}
