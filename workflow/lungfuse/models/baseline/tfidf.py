"""TF-IDF of words and characters, and a linear support vector machine."""

from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from lungfuse.models.hashing import SVCOnDisk
from lungfuse.models.ngrams import tfidf

REQUIRED = ["text"]
LEARNS = ["classes", "grades"]
SETTINGS = {
    "words": {
        "description": "shortest and longest n-grams of words",
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [1, 3],
    },
    "characters": {
        "description": "shortest and longest n-grams of characters within words; null, none",
        "type": ["array", "null"],
        "items": {"type": "integer", "minimum": 1},
        "minItems": 2,
        "maxItems": 2,
        "ascending": True,
        "default": [2, 5],
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
    machine = LinearSVC if buckets is None else SVCOnDisk
    ngrams = tfidf(words, characters, min_df, buckets)
    return make_pipeline(ngrams, machine(C=c, class_weight=class_weight, random_state=seed))
