"""The JSON schema of params.yaml."""

from typing import Any

from lungfuse.settings.params import JSON_TYPES, STUDY_NAME, TOP_LEVEL
from lungfuse.settings.study import Study


def params_schema() -> dict[str, Any]:
    """The JSON schema of params.yaml."""
    schema = Study.model_json_schema()
    definitions = schema.pop("$defs")
    sections = [
        name for name in definitions if name.endswith("Settings")
    ]  # mappings, which an overlay may give in part
    for definition in [schema, *(definitions[name] for name in sections)]:
        definition.pop("required")
    definitions["Row"].pop("required")  # a row may bear its model's name
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
