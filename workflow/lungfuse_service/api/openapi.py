"""The description of the API in OpenAPI 3.1, whose schemas are JSON Schema."""

from lungfuse_service.jobs.models import State
from lungfuse_service.predictions.record import NOT_FOR_DIAGNOSIS

TEXT, NUMBER, COUNT, SHARE = (
    {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0},
    {"type": "number", "minimum": 0, "maximum": 1},
)  # fmt: skip


def record(required: dict, optional: dict | None = None) -> dict:
    """An object whose keys are these."""
    return {"type": "object", "properties": required | (optional or {}), "required": [*required]}


def list_of(items: dict) -> dict:
    return {"type": "array", "items": items}


def nullable(schema: dict) -> dict:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


GIVEN = record({"image": {"type": "boolean"}, "text": TEXT, "values": {"type": "object"}})
NEAR = record({"low": SHARE, "high": SHARE, "cases": COUNT, "share": nullable(SHARE)})
SCHEMAS = {
    "Problem": record({"problem": TEXT}, {"fields": {"type": "object"}}),
    "Class": record({"name": TEXT, "probability": SHARE}, {"rank": SHARE, "in_set": {"type": "boolean"}, "near": NEAR}),
    "Question": record({"label": TEXT, "classes": list_of(ref("Class"))}, {"spread": NUMBER}),
    "Result": record(
        {
            "task": TEXT,
            "questions": list_of(ref("Question")),
            "predicted": list_of(TEXT),
            "coverage": nullable(SHARE),
            "missing": list_of(TEXT),
            "notes": list_of(TEXT),
            "made_by": record({"name": TEXT, "model": TEXT, "folds": COUNT, "sha256": TEXT}),
            "seconds": NUMBER,
        },
        {"explanation": nullable({"type": "object"}), "region": nullable({"type": "object"}), "size": list_of(COUNT)},
    ),
    "Sentence": record({"text": TEXT, "sources": {"type": "object", "additionalProperties": TEXT}}),
    "Prediction": record(
        {
            "id": TEXT | {"format": "uuid"},
            "model": TEXT,
            "model_sha256": TEXT,
            "state": {"enum": State.values},
            "created": TEXT | {"format": "date-time"},
            "given": GIVEN,
            "notice": TEXT,
        },
        {"problem": TEXT, "result": ref("Result"), "report": list_of(ref("Sentence"))},
    ),
    "Predictions": record({"predictions": list_of(ref("Prediction"))}),
    "Column": record({"name": TEXT, "kind": {"enum": ["image", "text", "number", "category"]}}, {"unit": TEXT}),
    "Model": record(
        {"model": TEXT, "sha256": TEXT, "task": TEXT, "labels": list_of(TEXT), "reads": list_of(ref("Column"))},
        {"score": {"type": "object"}, "notice": TEXT},
    ),
    "Models": record({"models": list_of(ref("Model"))}),
    "ConfirmedCase": record(
        {
            "id": TEXT | {"format": "uuid"},
            "model": TEXT,
            "patient": TEXT,
            "truth": {"type": "object", "additionalProperties": {"enum": [0, 1, None]}},
            "given": GIVEN,
            "created": TEXT | {"format": "date-time"},
        }
    ),
    "ConfirmedCases": record({"cases": list_of(ref("ConfirmedCase"))}),
    "Update": record(
        {
            "id": TEXT | {"format": "uuid"},
            "model": TEXT,
            "base_sha256": TEXT,
            "made_sha256": nullable(TEXT),
            "state": {"enum": ["queued", "running", "failed", "refused", "accepted"]},
            "cases": COUNT,
            "created": TEXT | {"format": "date-time"},
            "verdict": nullable({"type": "object"}),
        },
        {"problem": TEXT},
    ),
}
CASE = record(
    {"model": TEXT | {"description": "study/name, one of GET /api/models"}},
    {
        "image": {"type": "string", "contentMediaType": "image/png", "description": "PNG, JPEG, WebP or DICOM"},
        "text": TEXT,
        "key": TEXT | {"format": "uuid", "description": "of the request: sent twice, it is one prediction"},
        "explained": TEXT | {"enum": ["on"], "description": "left out: no explanation is made"},
    },
) | {
    "patternProperties": {"^values\\.": TEXT | {"description": "a column, such as values.age"}},
    "additionalProperties": False,
}


CONFIRMED = record(
    CASE["properties"],
    {
        "patient": TEXT | {"description": "a code that all cases of a patient have"},
        "label": TEXT | {"description": "the class that it was found to be"},
    },
) | {
    "required": ["model"],
    "patternProperties": CASE["patternProperties"]
    | {"^labels\\.": {"enum": ["yes", "no", ""], "description": "whether it has a label, of a study of several"}},
    "additionalProperties": False,
}


def answer(description: str, schema: str) -> dict:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}


def operation(summary: str, done: dict, *refused: int, **more: object) -> dict:
    """An operation with its answers; each may be refused for want of a token."""
    reasons = {
        400: "not understood",
        401: "no token",
        403: "you may not update models",
        404: "not yours, or gone",
        409: "not now",
        413: "too large",
        429: "quota used up",
    }
    problems = {str(status): answer(reasons[status], "Problem") for status in sorted({401, *refused})}
    return {"summary": summary, "responses": done | problems} | more


def document() -> dict:
    """The whole description."""
    dicom = {"description": "an Enhanced SR", "content": {"application/dicom": {}}}
    form, confirmed, which = (
        {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
        for schema in (CASE, CONFIRMED, record({"model": CASE["properties"]["model"]}))
    )
    model = {"name": "model", "in": "query", "required": True, "schema": CASE["properties"]["model"]}
    identifier = {"name": "id", "in": "path", "required": True, "schema": TEXT | {"format": "uuid"}}
    found, accepted = (
        answer("the prediction", "Prediction"),
        answer("accepted: ask its address until it has ended", "Prediction"),
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "lungfuse", "version": "1", "description": NOT_FOR_DIAGNOSIS},
        "security": [{"token": []}],
        "paths": {
            "/api/models": {"get": operation("Models that can be asked", {"200": answer("the models", "Models")})},
            "/api/predictions": {
                "post": operation("Ask a model about a case", {"202": accepted}, 400, 413, 429, requestBody=form),
                "get": operation("Your latest predictions", {"200": answer("the latest hundred", "Predictions")}),
            },
            "/api/predictions/{id}": {
                "parameters": [identifier],
                "get": operation("A prediction", {"200": found}, 404),
                "delete": operation("Delete a prediction", {"204": {"description": "deleted"}}, 404),
            },
            "/api/predictions/{id}/report.dcm": {
                "parameters": [identifier],
                "get": operation("Its result as a DICOM SR", {"200": dicom}, 404),
            },
            "/api/confirmed-cases": {
                "post": operation(
                    "Add a confirmed case",
                    {"201": answer("the case", "ConfirmedCase")},
                    400,
                    403,
                    413,
                    requestBody=confirmed,
                ),
                "get": operation(
                    "Cases that a model has not learned from",
                    {"200": answer("the cases", "ConfirmedCases")},
                    400,
                    403,
                    parameters=[model],
                ),
            },
            "/api/updates": {
                "post": operation(
                    "Train a model with its confirmed cases",
                    {"202": answer("it has begun", "Update")},
                    400,
                    403,
                    409,
                    requestBody=which,
                ),
            },
            "/api/updates/{update_id}": {
                "parameters": [identifier | {"name": "update_id"}],
                "get": operation("What has become of an update", {"200": answer("the update", "Update")}, 403, 404),
            },
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
