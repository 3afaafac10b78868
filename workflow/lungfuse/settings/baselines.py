"""The baselines and probes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from lungfuse.settings.base import Settings
from lungfuse.settings.rows import Row


def _ascending(ngrams: list[int]) -> list[int]:
    if ngrams[0] > ngrams[1]:
        raise ValueError("expected [shortest, longest]")
    return ngrams


NgramRange = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2), AfterValidator(_ascending)]


class LinearTextSettings(Settings):
    """A linear classifier on TF-IDF of n-grams found in at least `min_df` texts; `c` is the inverse regularisation.

    With `buckets` n-grams are hashed into so many, words and characters apart, and memory does not grow with the number
    of texts; null gives every n-gram a feature of its own.
    """

    words: NgramRange
    characters: NgramRange | None
    min_df: Annotated[int, Field(ge=1)]
    c: Annotated[float, Field(gt=0)]
    buckets: Annotated[int, Field(ge=1024, le=2**26)] | None


class LinearProbeSettings(Settings):
    """A logistic regression on standardised mean tokens of a frozen encoder; `c` is the inverse regularisation."""

    c: Annotated[float, Field(gt=0)]


class BaselineSettings(Settings):
    """The baselines: `tfidf` is a support vector machine, `tfidf_logistic` a logistic regression."""

    tfidf: LinearTextSettings
    tfidf_logistic: LinearTextSettings
    linear_probe: LinearProbeSettings

    def of(self, row: "Row") -> LinearTextSettings | None:
        """Those of the linear classifier of texts that a row is, if it is one."""
        return {"tfidf": self.tfidf, "tfidf-logistic": self.tfidf_logistic}.get(row.model)
