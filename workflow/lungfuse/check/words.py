"""Words of texts: which of them tell the label, which stand for one class alone, and what the whole text tells."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import Ridge

from lungfuse.check.alone import FOLDS, PURE, Outcomes, Score, score_codes, score_numbers

LEAST = 5  # groups whose text has a word
WORD = r"(?u)\b\w\w+\b"
SAMPLE = 8_000  # cases from which a whole text is scored
MOST_WORDS = 20_000
STEM = 5  # letters that two words of one meaning share
OUTCOMES = {  # words by which a text tells an outcome, by what a label of it may be called
    ("death", "died", "dead", "survival", "survived", "mortality", "deceased", "alive"): (
        "died death deceased expired passed fatal demise succumbed mortality survived survival recovered discharged"
    ),
    ("icu", "intensive", "critical"): "icu intensive itu critical",
    ("intubated", "intubation", "ventilation", "ventilated", "ventilator"): (
        "intubated intubation ventilation ventilator ventilated extubated extubation tracheal endotracheal"
    ),
}


@dataclass(frozen=True)
class Words:
    """Which words a section has: `has` of (case, word), counted over `first`, one case of each group."""

    names: np.ndarray
    has: csr_array
    first: np.ndarray


def words_of(texts: list[str], groups: np.ndarray) -> Words | None:
    """The words of normalised texts; None where no word is in enough of them."""
    least = min(LEAST, max(2, len(texts) // 20))
    counter = CountVectorizer(binary=True, token_pattern=WORD, min_df=least, dtype=np.float32, max_features=MOST_WORDS)
    try:
        has = counter.fit_transform(texts)
    except ValueError:  # no word is left
        return None
    _, first = np.unique(groups, return_index=True)
    return Words(counter.get_feature_names_out(), csr_array(has), first)


def telling(words: Words, outcomes: Outcomes) -> tuple[str, Score] | None:
    """The word that tells a label best by being there, chosen on one half of the groups and scored on the other."""
    half = np.random.default_rng(0).random(int(outcomes.groups.max(initial=0)) + 1) < 0.5
    chosen_on = half[outcomes.groups]
    difference = np.abs(_shares(words.has[chosen_on], outcomes.values[chosen_on], 1) - _shares(
        words.has[chosen_on], outcomes.values[chosen_on], 0
    ))  # fmt: skip
    if not difference.size or not np.isfinite(difference).any():
        return None
    best = int(np.nanmax(np.nan_to_num(difference, nan=-1.0), axis=1).argmax())
    rest = Outcomes(outcomes.values[~chosen_on], outcomes.names, outcomes.groups[~chosen_on], outcomes.exclusive)
    if not len(rest.groups):
        return None
    codes = words.has[~chosen_on][:, [best]].toarray()[:, 0].astype(int)
    return str(words.names[best]), score_codes(codes, rest)


def pure_in(words: Words, outcomes: Outcomes) -> list[tuple[str, str, int]]:
    """Words that stand for one class alone, or for a label alone, far beyond chance: word, label, cases."""
    once, found = words.has[words.first], []
    number = np.asarray(words.has.sum(axis=0)).ravel()
    for column, label in enumerate(outcomes.names):
        values = outcomes.values[:, column]
        for side, said in [(1, label), (0, f"not {label}")]:
            if side == 0 and outcomes.exclusive and len(outcomes.names) > 1:
                continue
            own, other = (np.nan_to_num(values == wanted).astype(np.float32) for wanted in (side, 1 - side))
            known = own[words.first] + other[words.first]
            elsewhere, groups = words.has.T @ other, once.T @ own[words.first]
            share = (own[words.first].sum() / known.sum()) if known.sum() else 1.0
            pure = (elsewhere == 0) & (groups >= LEAST) & (share**groups * len(words.names) < PURE)
            found += [(str(words.names[place]), said, int(number[place])) for place in np.flatnonzero(pure)]
    return sorted(found, key=lambda each: -each[2])


def naming(words: Words, labels: dict[str, list[str]]) -> list[tuple[str, str, int]]:
    """Words that name a label, by the words of its rule, or an outcome of that name: word, label, cases."""
    number = np.asarray(words.has.sum(axis=0)).ravel()
    found = []
    for label, said in labels.items():
        asked = {word for text in said for word in re.findall(r"[a-z]{3,}", text.lower().replace("_", " "))}
        asked -= {"the", "and", "not", "yes", "with", "went", "finding"}
        outcome = {word for names, meant in OUTCOMES.items() if asked & set(names) for word in meant.split()}
        stems = {word[:8] for word in asked if len(word) >= STEM}
        for place, word in enumerate(words.names):
            if word in asked | outcome or any(word.startswith(stem) for stem in stems):
                found.append((str(word), label, int(number[place])))
    return sorted(found, key=lambda each: -each[2])


def whole_text(texts: np.ndarray, outcomes: Outcomes) -> Score | None:
    """What TF-IDF of the words and pairs of words tells in cross-validation, of a sample of the groups."""
    chosen = np.flatnonzero(texts != "")
    if len(chosen) > SAMPLE:
        drawn = np.random.default_rng(0).random(int(outcomes.groups.max()) + 1)
        chosen = chosen[np.argsort(drawn[outcomes.groups[chosen]], kind="stable")[:SAMPLE]]
    if len(chosen) < 2 * FOLDS:
        return None
    part = Outcomes(outcomes.values[chosen], outcomes.names, outcomes.groups[chosen], outcomes.exclusive)
    try:
        vectors = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=MOST_WORDS, dtype=np.float32
        ).fit_transform(texts[chosen])
    except ValueError:
        return None
    scores = np.zeros(part.values.shape)
    for column, values in enumerate(part.values.T):
        for fold in range(FOLDS):
            learned = (part.fold != fold) & ~np.isnan(values)
            if learned.sum() and len(np.unique(values[learned])) > 1:
                model = Ridge(solver="sparse_cg", tol=1e-3).fit(vectors[learned], values[learned])
                tested = part.fold == fold
                scores[tested, column] = model.predict(vectors[tested]) - values[learned].mean()
    return score_numbers(scores, part)


def _shares(has: csr_array, values: np.ndarray, wanted: int) -> np.ndarray:
    """The share of cases whose text has each word among those whose label is `wanted`, (word, label)."""
    own = (values == wanted).astype(np.float32)
    return (has.T @ own) / np.maximum(own.sum(axis=0), 1)
