"""Rounds of proposals: the same whenever they are made again, of what earlier rounds have found, and all valid."""

import pytest
from small_search import RATES, STRUCTURED, propose, search_of
from small_study import LAYOUT

from lungfuse.errors import UserError
from lungfuse.search.trials import Outcome, write_outcome
from lungfuse.settings.search import Interval

SPACE = RATES | {
    "fusion.dropout": Interval(low=0, high=0.5, whole=False),
    "train.epochs": Interval(low=1, high=9, step=2, whole=True),
    "settings.words": [[1, 1], [1, 2], None],
}


@pytest.fixture
def points(small):
    """The points that a round proposes."""

    def found(number=0, run="0", **search):
        config = small.model("searched", **STRUCTURED, search=search_of(RATES, width=4, **search))
        return [proposed.point for proposed in propose(config, run, number)]

    return found


def found_before(values, number=0, **others):
    for trial, value in enumerate(values):
        write_outcome(Outcome(value=value, **others), LAYOUT.outcome("searched", "0", number, trial))


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_round_that_is_made_again_proposes_the_same(points, sampler):
    first = points(sampler=sampler)
    assert points(sampler=sampler) == first
    found_before([0.5, 0.6, 0.9, 0.7])
    second = points(1, sampler=sampler)
    assert points(1, sampler=sampler) == second
    assert len({point["train.learning_rate"] for point in first + second}) == 8


def test_folds_and_repeats_draw_points_of_their_own(points):
    drawn = [points(run=run) for run in ["0", "1", "0_repeat1"]]
    assert len({str(each) for each in drawn}) == 3


def test_tpe_learns_from_earlier_rounds_and_random_does_not(points):
    proposed = {}
    for sampler in ["tpe", "random"]:
        first = points(sampler=sampler)
        for best in [0, 1]:
            found_before([0.9 if trial == best else 0.5 for trial in range(4)])
            proposed[sampler, best] = points(1, sampler=sampler)
        assert points(sampler=sampler) == first
    assert proposed["tpe", 0] != proposed["tpe", 1]
    assert proposed["random", 0] == proposed["random", 1]


def test_a_pruned_trial_counts_as_a_bad_one(points):
    points()
    found_before([0.9, 0.8, 0.7, 0.6])
    all_done = points(1)
    write_outcome(Outcome(curve=[0.4, 0.3], pruned=True), LAYOUT.outcome("searched", "0", 0, 0))
    assert points(1) != all_done


def test_a_proposal_is_a_file_of_a_model_with_its_point(small):
    space = {name: each for name, each in SPACE.items() if name != "settings.words"}
    config = small.model("searched", **STRUCTURED, search=search_of(space))
    for proposed in propose(config):
        assert proposed.search is None
        assert proposed.train.learning_rate == proposed.point["train.learning_rate"]
        assert proposed.fusion["dropout"] == proposed.point["fusion.dropout"]
        assert proposed.train.epochs == proposed.point["train.epochs"] and proposed.train.epochs in [1, 3, 5, 7, 9]
        same = config.model_dump(exclude={"search", "point", "train", "fusion"})
        assert proposed.model_dump(exclude={"search", "point", "train", "fusion"}) == same


def test_choices_may_be_lists_and_nothing(small):
    space = {"settings.words": [[1, 1], [1, 2]], "settings.characters": [None, [2, 4]]}
    config = small.model("searched", architecture="tfidf", text="findings", search=search_of(space, width=8))
    found = [(proposed.settings["words"], proposed.settings["characters"]) for proposed in propose(config)]
    assert all(words in ([1, 1], [1, 2]) and characters in (None, [2, 4]) for words, characters in found)
    assert {str(words) for words, _ in found} == {"[1, 1]", "[1, 2]"}
    assert {str(characters) for _, characters in found} == {"None", "[2, 4]"}


def test_settings_that_do_not_go_together_are_not_proposed(small):
    """No batch of 8 is shared by three devices, and none of six by four."""
    space = {"train.devices": [1, 2, 3, 4], "train.batch_size": Interval(low=4, high=8, step=2, whole=True)}
    config = small.model("searched", **STRUCTURED, search=search_of(space, width=8))
    found = [(proposed.train.batch_size, proposed.train.devices) for proposed in propose(config)]
    assert all(batch % devices == 0 for batch, devices in found)


def test_a_space_of_which_nothing_goes_together_is_refused(small):
    space = {"train.devices": [3, 5], "train.batch_size": Interval(low=4, high=8, step=4, whole=True)}
    config = small.model("searched", **STRUCTURED, search=search_of(space))
    with pytest.raises(UserError, match=r"models\.searched\.search\.space: found 0 of 3 settings that go together"):
        propose(config)
