"""TF-IDF of words, and a logistic regression."""

from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lungfuse.models.ngrams import tfidf

REQUIRED = ["text"]
SETTINGS = {
    "words": {
        "description": "shortest and longest n-grams of words",
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [1, 2],
    },
    "characters": {
        "description": "shortest and longest n-grams of characters within words; null, none",
        "type": ["array", "null"],
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": None,
    },
    "min_df": {"description": "texts that must have an n-gram", "type": "integer", "minimum": 1, "default": 2},
    "c": {"description": "inverse regularisation", "type": "number", "exclusiveMinimum": 0, "default": 1.0},
    "buckets": {
        "description": "into which n-grams are hashed, so that memory does not grow with the number of texts; null, "
        "every n-gram is a feature of its own",
        "type": ["integer", "null"],
        "minimum": 1024,
        "maximum": 67108864,
        "default": None,
    },
}


def build(
    class_weight: str | None,
    seed: int,
    words: list[int],
    characters: list[int] | None,
    min_df: int,
    c: float,
    buckets: int | None,
) -> BaseEstimator:
    regression = LogisticRegression(C=c, class_weight=class_weight, random_state=seed)
    return make_pipeline(tfidf(words, characters, min_df, buckets), regression)
