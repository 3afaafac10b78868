"""TF-IDF of n-grams, for the models that read texts without an encoder."""

from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union

from lungfuse.models.hashing import HashedTfidf


def tfidf(words: list[int], characters: list[int] | None, min_df: int, buckets: int | None) -> BaseEstimator:
    """Texts to TF-IDF of n-grams of words and, where asked for, of characters, found in at least `min_df` texts."""
    if buckets is not None:
        return HashedTfidf(words, characters, min_df, buckets)
    shared = {"sublinear_tf": True, "min_df": min_df}
    of_words = TfidfVectorizer(ngram_range=tuple(words), **shared)
    if characters is None:
        return of_words
    return make_union(of_words, TfidfVectorizer(ngram_range=tuple(characters), analyzer="char_wb", **shared))
