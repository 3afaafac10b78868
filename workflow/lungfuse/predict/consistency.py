"""Whether the settings of a trained model fit together, so that it can be built from them.

All functions raise ValueError where they do not; it says what was found.
"""

from lungfuse.encoders import WEIGHTS, may_read
from lungfuse.errors import UserError
from lungfuse.modalities import load_inputs
from lungfuse.models import encoded_for, kind_spec, model_spec
from lungfuse.plan.features import reads_features
from lungfuse.plan.names import ESTIMATOR
from lungfuse.plan.problems import layers_problem
from lungfuse.plan.resolve import fusion_keys
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.training import FusionSettings
from lungfuse.tasks import Calibration, Task, load_task, task_spec
from lungfuse.train.trained import FoldSettings

ENDS = 2  # of the range of a number, which are among the labels


def task_of(config: ModelConfig) -> Task:
    """The task of a model."""
    try:
        spec = task_spec(config.task)
    except UserError as error:
        raise ValueError(f"model.task: {error}") from error
    named = len(config.labels) if spec.classes else len(config.labels) - ENDS
    distinct = len(set(config.labels)) == len(config.labels)
    fits = spec.min_labels <= named <= (spec.max_labels or named)
    _expect(distinct and fits, "model.labels", config.labels)
    try:
        return load_task(config.task, config.labels)
    except ValueError as error:
        raise ValueError(f"model.labels: {error}") from error


def check_calibration(calibration: Calibration, task: Task) -> None:
    """There is a line a score column."""
    columns = len(task.columns("score"))
    for name in ["slope", "intercept"]:
        _expect(len(getattr(calibration, name)) == columns, f"calibration.{name}", getattr(calibration, name))


def check_model(config: ModelConfig) -> None:
    """A model has what its architecture needs, and nothing that it does not know."""
    try:
        kind, spec = kind_spec(config.architecture), model_spec(config.architecture)
    except UserError as error:
        raise ValueError(f"model.architecture: {error}") from error
    _expect(spec.takes(set(config.inputs)), "model.inputs", list(config.inputs))
    problem = spec.problem(config.settings)
    _expect(not problem and set(config.settings) == set(spec.settings), "model.settings", problem or config.settings)
    read = encoded_for(config.architecture, config.inputs)
    _expect(list(config.paired) == list(spec.paired), "model.paired", config.paired)
    _expect(list(config.encoders) == read, "model.encoders", config.encoders)
    _expect(set(config.sources) == set(read), "model.sources", config.sources)
    for modality, name in config.encoders.items():
        _expect(may_read(name, modality), f"model.encoders.{modality}", name)
    _expect("image" not in read or config.image_settings is not None, "model.image_settings", None)
    _expect("text" not in read or config.max_tokens is not None, "model.max_tokens", None)
    _expect((config.train is not None) == kind.trained, "model.train", config.train)
    if kind.trained:
        _expect(not layers_problem(config.train.layers), "model.train.layers", config.train.layers)
        _check_fusion(config)
    _expect(not read or not reads_features(config) or config.precision is not None, "model.precision", None)


def _check_fusion(config: ModelConfig) -> None:
    keys = fusion_keys(config.architecture, config.inputs)
    _expect(set(config.fusion) == keys, "model.fusion", config.fusion)
    others = {"width": 8 * int(config.fusion.get("heads", 1)), "heads": 1, "blocks": 1, "hidden": 1, "dropout": 0.0}
    FusionSettings.model_validate(others | config.fusion, strict=True)


def check_fold(settings: FoldSettings) -> None:
    """What was trained in a fold is what its model asks for."""
    config = settings.model
    trained = config.train is not None
    _expect(settings.fold < config.folds, "fold", settings.fold)
    _expect((WEIGHTS if trained else ESTIMATOR) in settings.sha256.parts, "sha256.parts", list(settings.sha256.parts))
    started = [name for name, source in config.sources.items() if trained and source != config.encoders[name]]
    _expect(set(settings.starts) == set(started), "starts", settings.starts)
    _expect(bool(config.segmenter) == (settings.masks is not None), "masks", settings.masks)
    _check_columns(settings, trained)


def _check_columns(settings: FoldSettings, trained: bool) -> None:
    """What is known of structured columns, and of other modalities without an encoder, is of those that are read."""
    config = settings.model
    columns = config.structured if not trained else []
    _expect([each.name for each in settings.columns] == columns, "columns", settings.columns)
    measured = [name for name in config.inputs if trained and name not in config.encoders]
    _expect(list(settings.fitted) == measured, "fitted", list(settings.fitted))
    for name, found in settings.fitted.items():
        load_inputs(name).check_fitted(found, config.inputs[name])


def _expect(condition: bool, place: str, found: object) -> None:
    if not condition:
        raise ValueError(f"{place}: found {found!r}")
