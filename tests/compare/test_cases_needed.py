import numpy as np
import pytest
from small_comparison import BINARY, scored_as
from small_fusions import LABELS, drawn

from lungfuse.compare.cases_needed import cases_needed, groups_of_classes, seen_of
from lungfuse.compare.verdicts import fusions, judge
from lungfuse.statistics.power import cases_of_accuracy

COUNT = 800


def known(strength: float, together: float = 0.5, seed: int = 0) -> dict[str, np.ndarray]:
    """An image and a fusion that are as right and go together by so much, and a text that predicts nothing."""
    rng = np.random.default_rng(seed)
    label, common, *own = rng.integers(0, 2, (COUNT, 1)), *rng.normal(size=(3, COUNT, 1))
    image, early = (np.sqrt(together) * common + np.sqrt(1 - together) * each for each in own)
    signal = strength * label
    return {"label": label, "image": signal + image, "text": rng.normal(size=(COUNT, 1)), "early": signal + early}


def needed(strength: float, together: float = 0.5, **study):
    odds = known(strength, together)
    results = drawn(odds, odds.pop("label"), **study)
    scored = results.scored
    fusion = fusions(scored)[0]
    gained = judge(scored, [fusion], 0.95, seed=0)[0]
    return cases_needed(scored, fusion, gained, groups_of_classes(results.task, results.joined[0]))


def test_they_are_of_the_order_that_the_data_check_says_before_anything_is_trained():
    """That counts accuracy, of models that differ in 15 % of the cases; these are as usual as that."""
    found = needed(1.2, together=0.8)
    assert found.cases == found.groups
    assert cases_of_accuracy(0.02) / 3 < found.cases < 3 * cases_of_accuracy(0.02)


def test_near_one_they_are_those_of_a_gain_of_two_points_and_not_of_what_is_seen():
    least = cases_of_accuracy(0.02, discordant=0.02)  # where no more cases are right than have to be
    assert needed(4.0).cases > 0.95 * least
    assert needed(1.2, together=0.9999).cases > 0.95 * least, "models that agree show nothing of such a gain"


def test_groups_of_many_cases_are_counted():
    """Each case stands there four times: as many groups are needed, four times as many cases."""
    once = needed(1.2)
    odds = {name: np.repeat(each[: COUNT // 4], 4, axis=0) for name, each in known(1.2).items()}
    results = drawn(odds, odds.pop("label"), groups=np.repeat(np.arange(COUNT // 4), 4))
    fusion = fusions(results.scored)[0]
    gained = judge(results.scored, [fusion], 0.95, seed=0)[0]
    found = cases_needed(results.scored, fusion, gained, groups_of_classes(results.task, results.joined[0]))
    assert found.cases == pytest.approx(4 * found.groups, abs=4)
    assert found.groups == pytest.approx(once.groups, rel=0.5)


def test_a_class_of_few_groups_leaves_it_open():
    odds = known(1.2)
    label = odds.pop("label")
    label[np.flatnonzero(label)[9:]] = 0
    results = drawn(odds, label)
    classes = groups_of_classes(results.task, results.joined[0])
    assert classes.tolist() == [[COUNT - 9, 9]]
    fusion = fusions(results.scored)[0]
    assert cases_needed(results.scored, fusion, judge(results.scored, [fusion], 0.95, seed=0)[0], classes) is None


def test_groups_of_a_label_are_those_where_it_is_known():
    labels = np.array([[0, 1], [1, 1], [1, np.nan], [np.nan, 0]] * 20)
    odds = {name: np.random.default_rng(0).normal(size=(80, 2)) for name in ["image", "text", "early"]}
    results = drawn(odds, labels, LABELS, groups=np.arange(80) // 4)
    assert groups_of_classes(results.task, results.joined[0]).tolist() == [[20, 20], [20, 20]]
    some = np.arange(80) < 40
    assert groups_of_classes(results.task, results.joined[0], some).tolist() == [[10, 10], [10, 10]]


def test_trainings_that_differ_are_not_made_up_for_by_more_cases():
    """Of a fusion that fails in two folds of five, no number of cases shows a gain of two points."""
    odds = known(1.2)
    results = drawn(odds, odds.pop("label"))
    early = results.joined[2]
    early.loc[early["fold"] < 2, "score"] = 1 - early.loc[early["fold"] < 2, "score"]
    scored = scored_as(BINARY, results.names, results.models, results.joined, [])
    fusion = fusions(scored)[0]
    assert fusion.gains[0].of_training > 0.01**2
    gained = judge(scored, [fusion], 0.95, seed=0)[0]
    assert cases_needed(scored, fusion, gained, groups_of_classes(results.task, results.joined[0])) is None
    seen = seen_of(scored, fusion, gained)
    assert seen.error(1.0) == pytest.approx(gained.error) and seen.error(1e9) ** 2 == pytest.approx(seen.of_training)
