"""Answers of the API beside its description."""

from jsonschema import Draft202012Validator

from lungfuse_service.api.openapi import document


def check(answer, path: str, method: str) -> None:
    """See that an answer is one that the description knows of an operation."""
    described = document()["paths"][path][method]["responses"][str(answer.status_code)]
    if "application/json" in described.get("content", {}):
        schema = described["content"]["application/json"]["schema"] | {"components": document()["components"]}
        Draft202012Validator(schema).validate(answer.json())
