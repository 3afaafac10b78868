"""A case, a model's columns and an outcome, as tests of the service draw them."""

import io

from django.core.files.base import ContentFile
from PIL import Image

PASSWORD = "a quiet place 7"
COLUMNS = [
    {"name": "image", "kind": "image", "unit": "", "categories": [], "low": None, "high": None},
    {"name": "text", "kind": "text", "unit": "", "categories": [], "low": None, "high": None},
    {"name": "age", "kind": "number", "unit": "years", "categories": [], "low": 18.0, "high": 90.0},
    {"name": "sex", "kind": "category", "unit": "", "categories": ["F", "M"], "low": None, "high": None},
]


def image_file(width: int = 64, height: int = 48, kind: str = "png", mode: str = "L", **options) -> ContentFile:
    """An image as a browser sends it."""
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(stream, kind, **options)
    return ContentFile(stream.getvalue(), f"x.{kind}")


def drawn_outcome(**changes) -> dict:
    """An outcome as the worker makes it, of a model that is sure."""
    near = {"low": 0.81, "high": 0.91, "cases": 41, "share": 0.878}
    classes = [
        {"name": "normal", "probability": 0.1384, "rank": 0.021, "in_set": False, "near": near},
        {"name": "lung", "probability": 0.8616, "rank": 0.62, "in_set": True, "near": near},
    ]
    methods = [
        {"name": "integrated-gradients", "title": "Integrated gradients", "caption": "Of gradients.", "signed": True,
         "checks": "passes 6 of 9", "image": True, "words": [0.4, -0.1, 0.02, 0.9], "columns": [0.7, -0.2]},
        {"name": "grad-cam", "title": "Grad-CAM", "caption": "Of features.", "signed": False,
         "checks": "", "image": True},
    ]  # fmt: skip
    explanation = {
        "target": "lung", "modalities": {"image": -0.42, "text": 1.31, "structured": 0.55}, "methods": methods,
        "words": ["lungs", "are", "hyperexpanded", "."], "columns": {"age": "71 years", "sex": "F"},
    }  # fmt: skip
    lines = [[[0.1, 0.2], [0.4, 0.2], [0.4, 0.8], [0.1, 0.8]], [[0.6, 0.2], [0.9, 0.2], [0.9, 0.8], [0.6, 0.8]]]
    return {
        "task": "binary", "questions": [{"label": "", "classes": classes, "spread": 0.03}], "predicted": ["lung"],
        "coverage": 0.9, "missing": [], "notes": [], "explanation": explanation, "size": [64, 48], "seconds": 1.24,
        "region": {"name": "lungs", "segmenter": "packaged", "lines": lines, "share": 0.364},
        "made_by": {"name": "early_all", "model": "early", "folds": 3, "sha256": "ab" * 32},
    } | changes  # fmt: skip
