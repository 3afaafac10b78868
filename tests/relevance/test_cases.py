"""Which cases are shown and measured, and what is said of their words and their evidence."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lungfuse.encoders import TOKENIZER
from lungfuse.relevance.cases import likeliest, measured_cases, shown_cases
from lungfuse.relevance.evidence import Evidence
from lungfuse.relevance.words import read_words
from lungfuse.tasks import load_task

BINARY = pd.DataFrame({"label": [0, 0, 0, 1, 1, 1], "score": [0.1, 0.9, 0.4, 0.8, 0.3, 0.99]})


def shown(scored: pd.DataFrame, task: str, labels: list[str]) -> list[tuple[int, int, str]]:
    return [(each.position, each.target, each.title) for each in shown_cases(scored, load_task(task, labels))]


def test_of_two_classes_the_surest_the_median_and_the_most_wrong_case_are_explained_for_what_was_decided():
    assert shown(BINARY, "binary", ["normal", "lung"]) == [
        (0, 0, "normal, surest right: p(normal) = 0.90, explained for normal"),
        (2, 0, "normal, median: p(normal) = 0.60, explained for normal"),
        (1, 1, "normal, surest wrong: p(lung) = 0.90, explained for lung"),
        (5, 1, "lung, surest right: p(lung) = 0.99, explained for lung"),
        (3, 1, "lung, median: p(lung) = 0.80, explained for lung"),
        (4, 0, "lung, surest wrong: p(normal) = 0.70, explained for normal"),
    ]
    scores = BINARY[["score"]].to_numpy()
    assert likeliest(scores, load_task("binary", ["normal", "lung"])).tolist() == [0, 1, 0, 1, 0, 1]


def test_a_label_is_explained_by_itself_and_one_that_no_case_has_is_left_out():
    scores = {"score_a": [0.9, 0.2, 0.1], "score_b": [0.1, 0.7, 0.4], "score_c": [0.0, 0.1, 0.5]}
    labels = {"label_a": [1, None, 0], "label_b": [1, 1, None], "label_c": [0, 0, 0]}
    found = shown(pd.DataFrame(labels | scores), "multilabel", [*"abc"])
    assert [(position, target) for position, target, _ in found] == [(0, 0)] * 3 + [(1, 1), (1, 1), (0, 1)]


def test_cases_are_measured_one_of_a_group_and_the_same_each_time():
    scored = pd.DataFrame({"group": [0, 0, 1, 1, 2, 3]})
    found = measured_cases(scored, 3, seed=0)
    assert len(found) == 3 == scored["group"].iloc[sorted(found)].nunique()
    assert found == measured_cases(scored, 3, seed=0)
    assert len(measured_cases(scored, 99, seed=0)) == 4


def test_evidence_counts_where_it_speaks_for_what_is_explained_and_is_else_not_known(read):
    pairs = pd.DataFrame({"report_id": [*"abc"], "image_id": [*"xyz"]})
    texts, task = {"a": "are clear", "b": "", "c": "are clear"}, load_task("binary", ["normal", "lung"])
    evidence = Evidence(pairs, {"a": "lung", "b": "lung"}, {"x": np.eye(2) > 0, "y": np.eye(2) > 0}, texts)
    words = [read("Lungs are clear.")] * 3
    fold = SimpleNamespace(
        sources=["image", "text"], targets=np.array([0, 1, 1]), network=SimpleNamespace(task=task), words=words
    )
    masks = evidence.masks(fold, [0, 1, 2], np.arange(3))
    assert masks["image"].any((1, 2)).tolist() == [False, True, False], "a is explained for normal; c has no mask"
    assert masks["text"].any(1).tolist() == [False, False, True], "b holds no passage; c speaks for any class"
    assert evidence.known(np.array([0, 1, 1]), task).tolist() == [False, False, False], "of image and text together"
    assert evidence.known(np.array([1, 0, 0]), task).tolist() == [True, False, False]
    assert replace(evidence, images={}).known(np.array([1, 1, 0]), task).tolist() == [True, False, True]


@pytest.fixture(scope="module")
def read(encoder_root):
    def words(text: str, most: int | None = None):
        return read_words(pd.Series([text]), encoder_root / "bert-tiny" / TOKENIZER, most)[0]

    return words


def test_the_pieces_of_a_word_give_it_their_relevance(read):
    words = read("Lungs are hyperinflated.")
    shown = [words.text[start:end] for start, end in zip(words.starts, words.ends, strict=True)]
    assert shown == ["Lungs", "are", "hyperinflated", "."]
    found = words.relevance(np.ones(len(words.of_token) + 3))  # as long as the longest text of a batch
    assert found.sum() == (words.of_token >= 0).sum(), "marks and padding are no words"
    assert found[0] == 1 or found[0] == (words.of_token == 0).sum()


def test_a_passage_is_found_among_the_words_and_a_text_is_cut(read):
    words = read("The heart is normal. The lungs are clear. The heart is normal.")
    assert words.within("The lungs are clear.").nonzero()[0].tolist() == [5, 6, 7, 8, 9]
    assert not words.within("No effusion.").any() and not words.within("").any()
    assert len(read("The lungs are clear.", 4).starts) == 2
    assert len(read("").starts) == 0
