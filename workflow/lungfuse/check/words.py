"""Words of texts: which of them predict the label, which occur in one class alone, and what the whole text predicts."""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from lungfuse.check.univariate import FOLDS, PURE, Outcomes, Score, score_codes, score_numbers
from lungfuse.statistics.splits import drawn_by_group

LEAST = 5  # groups whose text has a word
WORD = r"(?u)\b\w\w+\b"
SAMPLE = 8_000  # cases from which a whole text is scored
MOST_WORDS = 20_000
STEM = 7  # letters that two words of one meaning share
TIMES, NAMED_ERRORS = 1.5, 2.0
SAYS_NOTHING = {"the", "and", "not", "yes", "with", "went", "finding", "other", "none", "any", "case", "class", "label"}
OUTCOMES = {  # words by which a text states an outcome, by what a label of it may be called
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


class Named(NamedTuple):
    """A word that names a label, in `n` texts: the share of texts with the label that have it, and of the others."""

    word: str
    label: str
    n: int
    own: float
    others: float


def words_of(texts: list[str], groups: np.ndarray) -> Words | None:
    """The words of normalised texts; None where no word is in enough of them."""
    from sklearn.feature_extraction.text import CountVectorizer  # a study without texts need not wait for it

    least = min(LEAST, max(2, len(texts) // 20))
    counter = CountVectorizer(binary=True, token_pattern=WORD, min_df=least, dtype=np.float32, max_features=MOST_WORDS)
    try:
        has = counter.fit_transform(texts)
    except ValueError:  # no word is left
        return None
    _, first = np.unique(groups, return_index=True)
    return Words(counter.get_feature_names_out(), csr_array(has), first)


def predictive(words: Words, outcomes: Outcomes) -> tuple[str, Score] | None:
    """The word that predicts a label best by being there, chosen on one half of the groups and scored on the other."""
    chosen_on = drawn_by_group(outcomes.groups, 0) < 0.5
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


def naming(words: Words, outcomes: Outcomes, labels: dict[str, list[str]]) -> list[Named]:
    """Words that name a label, by the words of its rule, or an outcome of that name, where they predict it.

    A word predicts a label where it is in half as many texts again of one side than of the other, beyond chance.
    """
    found = []
    for label, said in labels.items():
        asked = {word for text in said for word in re.findall(r"[a-z]{3,}", text.lower().replace("_", " "))}
        asked -= SAYS_NOTHING
        asked |= {word for names, meant in OUTCOMES.items() if asked & set(names) for word in meant.split()}
        stems = tuple(word[:STEM] for word in asked if len(word) > STEM)
        places = [place for place, word in enumerate(words.names) if word in asked or word.startswith(stems)]
        column = outcomes.names.index(label) if label in outcomes.names else 0
        values = outcomes.values[:, column] if label in outcomes.names else 1 - outcomes.values[:, column]
        for place in places:
            has = words.has[:, [place]].toarray()[:, 0] > 0
            own, others = has[values == 1], has[values == 0]
            if len(own) and len(others) and _differ(own, others, outcomes.independent):
                found.append(Named(str(words.names[place]), label, int(has.sum()), own.mean(), others.mean()))
    return sorted(found, key=lambda each: -each.n)


def _differ(first: np.ndarray, second: np.ndarray, independent: float) -> bool:
    """Whether shares of texts are apart, in proportion and beyond chance."""
    both = np.concatenate([first, second]).mean()
    error = np.sqrt(both * (1 - both) * (1 / len(first) + 1 / len(second)) / max(independent, 1e-9))
    low, high = sorted([first.mean(), second.mean()])
    return bool(high >= TIMES * low and high - low > NAMED_ERRORS * error)


def whole_text(texts: np.ndarray, outcomes: Outcomes) -> Score | None:
    """What TF-IDF of the words and pairs of words predicts in cross-validation, of a sample of the groups."""
    found = text_scores(texts, outcomes)
    return None if found is None else score_numbers(found[1], _part(outcomes, found[0]))


def text_scores(texts: np.ndarray, outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray] | None:
    """The cases of a sample of the groups that have a text, and what the others' words say of them.

    That is a ridge regression on TF-IDF of words and pairs of words, out of fold; int (case,) and float (case, class or
    label). None where there are too few texts, or no word that two have.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    chosen = np.flatnonzero(texts != "")
    if len(chosen) > SAMPLE:
        chosen = chosen[np.argsort(drawn_by_group(outcomes.groups, 0)[chosen], kind="stable")[:SAMPLE]]
    if len(chosen) < 2 * FOLDS:
        return None
    part = _part(outcomes, chosen)
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
    return chosen, scores


def _part(outcomes: Outcomes, cases: np.ndarray) -> Outcomes:
    return Outcomes(outcomes.values[cases], outcomes.names, outcomes.groups[cases], outcomes.exclusive)


def _shares(has: csr_array, values: np.ndarray, wanted: int) -> np.ndarray:
    """The share of cases whose text has each word among those whose label is `wanted`, (word, label)."""
    own = (values == wanted).astype(np.float32)
    return (has.T @ own) / np.maximum(own.sum(axis=0), 1)
