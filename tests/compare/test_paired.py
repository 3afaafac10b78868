"""Several labels a pair: rows are held against each other by the mean AUROC."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungfuse.compare.paired import difference_with_interval, paired_p
from lungfuse.compare.scores import primary
from lungfuse.statistics import bootstrap


@pytest.fixture
def labels(draw):
    return draw("multilabel")


def test_the_primary_metric_is_the_mean_auroc_of_known_labels(labels):
    joined = labels.joined(noise=2)
    targets, found = labels.task.targets(joined), labels.task.of("score", joined)
    known = ~np.isnan(targets)
    expected = [roc_auc_score(targets[known[:, n], n], found[known[:, n], n]) for n in range(3)]
    assert known.mean() < 0.95
    assert primary(labels.task, joined) == pytest.approx(np.mean(expected))


def test_a_better_row_is_told_from_a_worse_one_and_an_equal_one_is_not(labels):
    good, bad = labels.joined(noise=0.8), labels.joined(noise=4, seed=1)
    gained, low, high = difference_with_interval(labels.task, good, bad, 0.95, 300, seed=0)
    assert gained == pytest.approx(primary(labels.task, good) - primary(labels.task, bad))
    assert 0 < low < gained < high
    assert paired_p(labels.task, good, bad, 500, seed=0) < 0.02
    same = labels.joined(noise=4, seed=2)
    assert paired_p(labels.task, same, bad, 500, seed=0) > 0.05
    assert paired_p(labels.task, bad, bad, 500, seed=0) == 1


def test_p_does_not_depend_on_the_scale_of_scores(labels):
    one, other = labels.joined(noise=1.5), labels.joined(noise=2.5, seed=1)
    rescaled = other.assign(**{column: other[column] ** 5 / 10 for column in labels.task.columns("score")})
    found = paired_p(labels.task, one, other, 300, seed=0)
    assert 0 < found < 0.5
    assert paired_p(labels.task, one, rescaled, 300, seed=0) == found


def test_trainings_are_averaged_and_whole_groups_exchanged(labels):
    one, three = labels.joined(noise=1.5), labels.joined(noise=1.5, seed=3, repeats=3)
    gained, low, high = difference_with_interval(labels.task, one, three, 0.95, 200, seed=0)
    trainings = [primary(labels.task, training) for _, training in three.groupby("repeat")]
    assert gained == pytest.approx(primary(labels.task, one) - np.mean(trainings))
    assert low < gained < high
    worse = labels.joined(noise=6, seed=4, repeats=2)
    two_of_three_worse = pd.concat([one, worse.assign(repeat=worse["repeat"] + 1)])
    assert paired_p(labels.task, one, two_of_three_worse, 300, seed=0) < 0.05, "the first training is the same"
    in_one_group = one.assign(group=0), three.assign(group=0)
    assert paired_p(labels.task, *in_one_group, 200, seed=0) == 1
    assert np.isnan(difference_with_interval(labels.task, *in_one_group, 0.95, 200, seed=0)[1])


def test_what_is_drawn_does_not_depend_on_how_much_is_drawn_at_once(labels, monkeypatch):
    rows = labels.joined(noise=1.5), labels.joined(noise=2, seed=1)

    def found():
        return paired_p(labels.task, *rows, 120, 0), difference_with_interval(labels.task, *rows, 0.95, 120, 0)

    at_once = found()
    monkeypatch.setattr(bootstrap, "CELLS", 900)
    assert found() == at_once


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_rows_of_classes_are_held_against_each_other_by_accuracy(draw, task):
    drawn = draw(task)
    good, bad = drawn.joined(noise=0.5), drawn.joined(noise=3, seed=1)
    right = [(row["label"] == row["prediction"]).mean() for row in (good, bad)]
    gained, low, _ = difference_with_interval(drawn.task, good, bad, 0.95, 300, seed=0)
    assert gained == pytest.approx(right[0] - right[1]) and low > 0
    assert paired_p(drawn.task, good, bad, 500, seed=0) < 0.01
