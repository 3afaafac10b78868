"""The JSON schema of params.yaml."""

from typing import Any

from lungfuse.models import model_names, model_spec
from lungfuse.settings.model import SHORTHANDS
from lungfuse.settings.params import JSON_TYPES, STUDY_NAME, TOP_LEVEL
from lungfuse.settings.study import Study
from lungfuse.tasks import task_names


def params_schema() -> dict[str, Any]:
    """The JSON schema of params.yaml."""
    schema = Study.model_json_schema()
    definitions = schema.pop("$defs")
    sections = [
        name for name in definitions if name.endswith("Settings")
    ]  # mappings, which an overlay may give in part
    for definition in [schema, *(definitions[name] for name in sections)]:
        definition.pop("required", None)
    schema["properties"]["task"] = {"enum": task_names()}
    definitions["ModelSettings"] = model_schema(definitions["ModelSettings"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "params.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": list(TOP_LEVEL),
        "properties": {
            **{key: {"type": JSON_TYPES[kind]} for key, (kind, _) in TOP_LEVEL.items() if kind in JSON_TYPES},
            "defaults": {"$ref": "#/$defs/Study"},
            "studies": {
                "type": "object",
                "propertyNames": {"pattern": STUDY_NAME},
                "additionalProperties": {"$ref": "#/$defs/Study"},
            },
        },
        "$defs": {"Study": schema, **definitions},
    }


def model_schema(model: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model with the architectures that there are, the settings of each, and the short forms of inputs.

    `architecture` is not required, for a model may be named after it.
    """
    choice = model["properties"]["inputs"]["additionalProperties"]
    properties = model["properties"] | {"architecture": {"enum": model_names()}} | dict.fromkeys(SHORTHANDS, choice)
    settings = {name: model_spec(name).settings for name in model_names()}
    rules = [
        {
            "if": {"properties": {"architecture": {"const": name}}, "required": ["architecture"]},
            "then": {"properties": {"settings": {"properties": known, "additionalProperties": False}}},
        }
        for name, known in settings.items()
    ]
    return {key: value for key, value in model.items() if key != "required"} | {
        "properties": properties,
        "allOf": rules,
    }
