"""Which classes a column distinguishes together from the others."""

import numpy as np

from lungfuse.audit.groupings import grouping, named

CLASSES = ["ack", "bcc", "mel", "nev"]


def known(values: np.ndarray, classes: np.ndarray) -> str | None:
    """The classes that a column of categories distinguishes together, rows being of a patient each."""
    one_hot = (classes[:, None] == np.arange(len(CLASSES))).astype(float)
    found = grouping(values, one_hot, np.arange(len(classes)))
    return None if found is None else named(found, CLASSES)


def test_the_classes_of_a_value_are_found_together_with_some_noise():
    rng = np.random.default_rng(1)
    classes = rng.choice(4, 600, p=[0.3, 0.25, 0.1, 0.35])
    biopsed = np.isin(classes, [1, 2]) | (rng.random(600) < 0.2)
    assert known(biopsed.astype(int), classes) == "bcc, mel"


def test_the_best_of_many_groupings_by_chance_is_not_given():
    rng = np.random.default_rng(1)
    given = [known(rng.integers(0, 2, 600), rng.integers(0, 4, 600)) for _ in range(20)]
    assert given.count(None) >= 14, "both halves choose the same of 7 by chance now and then"


def test_two_classes_have_no_groupings():
    assert grouping(np.zeros(10, int), np.eye(2)[np.arange(10) % 2], np.arange(10)) is None
