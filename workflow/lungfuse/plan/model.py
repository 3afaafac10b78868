"""The file with all settings of a model."""

import json
from pathlib import Path

from lungfuse.files import atomic_write
from lungfuse.plan.layout import Layout
from lungfuse.plan.runs import outer_run
from lungfuse.settings.json_files import read_json
from lungfuse.settings.model import ModelConfig


def main(*, config: ModelConfig, file: Path) -> None:
    """Write the file of a model: all that it reads, and nothing else.

    Parameters
    ----------
    config
        All settings of the model.
    file
        Output: the settings, JSON.
    """
    write_model(config, file)


def write_model(config: ModelConfig, file: Path) -> None:
    """Write the file of a model, see `main`."""
    with atomic_write(file) as stream:
        stream.write(json.dumps(as_json(config), indent=2, ensure_ascii=False) + "\n")


def as_json(config: ModelConfig) -> dict:
    """The settings of a model as JSON takes them, without those that it does not read."""
    found = config.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in found.items() if value not in ({}, [], "")}


def read_model(file: Path) -> ModelConfig:
    """The settings of a model from its file.

    Raises:
        UserError: the file is missing, damaged or of another version.
    """
    return read_json(file, ModelConfig, "the file of a model")


def of_fold(config: ModelConfig, run: str) -> ModelConfig:
    """A model as it is trained in a fold: with the settings that were found there, where they are searched for."""
    return read_model(Layout(config.study).best(config.name, outer_run(run))) if config.search else config
