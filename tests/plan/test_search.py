"""The search of a model in params.yaml: what a space may name, what is said of a mistake, and the jobs it becomes."""

import pytest

from lungfuse.errors import UserError
from lungfuse.files import slug
from lungfuse.plan.job import flat
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.plan.resources import Sizes
from lungfuse.plan.search_space import config_at, searchable

C = {"settings.c": {"low": 0.01, "high": 10.0, "log": True}}
RATE = {"train.learning_rate": {"low": 0.0001, "high": 0.1, "log": True}}
IMAGE, AGES = {"images": "raw"}, {"structured": ["age", "crp", "sex"]}


@pytest.fixture
def planned(params):
    """The plan of a demo with these models."""

    def plan(**models) -> Plan:
        params["studies"]["demo"]["models"] = models
        return Plan(*load_study(params | {"study": "demo"}))

    return plan


def search(space: dict, **others) -> dict:
    return {"rounds": 2, "width": 3, "space": space} | others


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (
            {"settings.cc": [1, 2]},
            r"settings\.cc: no setting of linear-probe \(did you mean settings\.c\?\)\. Expected",
        ),
        ({"train.epochs": [1, 2]}, r"train\.epochs: no setting of linear-probe"),
        (
            {"settings.c": {"low": 0, "high": 1}},
            r"settings\.c: 0\.0 is none of its values: settings\.c: 0\.0 is less than",
        ),
        ({"settings.c": ["big", 1.0]}, r"settings\.c: 'big' is none of its values: .*is not of type 'number'"),
        ({"settings.c": 3}, r"search\.space: .*settings\.c: found 3, expected \{low: \.\.\., high: \.\.\.\} or a list"),
        ({"settings.c": {"low": 2, "high": 1}}, r"settings\.c\.range: low 2 is not below high 1"),
        ({"settings.c": {"low": 0, "high": 1, "log": True}}, r"settings\.c\.range: low 0 has no logarithm"),
        ({"settings.c": {"low": 1, "high": 9, "log": True, "step": 1}}, r"log and step exclude each other"),
        (
            {"settings.c": {"low": 1, "high": 9, "steps": 1}},
            r"settings\.c\.range\.steps: unknown key \(did you mean step",
        ),
        ({"settings.c": [1.0]}, r"settings\.c\.choices: found \[1\.0\]\. .*at least 2"),
        ({"settings.c": [1.0, 1.0]}, r"settings\.c\.choices: .*found 1\.0 more than once"),
        (
            {"encoders.pooling": {"low": 1, "high": 2}},
            r"encoders\.pooling: found a range, but its values are no numbers",
        ),
        (
            {"encoders.image": ["vit-tiny", "vit-tinny"]},
            r"encoders\.image: 'vit-tinny' is none of its values: .*no such",
        ),
        ({}, r"search\.space: found \{\}|search\.space: .*at least 1"),
    ],
)
def test_a_mistake_in_a_space_names_the_key(planned, space, said):
    with pytest.raises(UserError, match=said):
        planned(**{"linear-probe": IMAGE | {"search": search(space)}})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"train.epochs": {"low": 1.5, "high": 9}}, r"train\.epochs: found 1\.5, but its values are whole numbers"),
        (
            {"train.epochs": {"low": 0, "high": 9}},
            r"train\.epochs: 0 is none of its values: .*greater than or equal to 1",
        ),
        (
            {"fusion.width": {"low": 16, "high": 64}},
            r"fusion\.width: 17 is none of its values: .*not a multiple of heads",
        ),
        ({"fusion.blocks": [1, 2]}, r"fusion\.blocks: no setting of structured"),
        ({"train.layers": ["frozen", "most"]}, r"train\.layers: 'most' is none of its values"),
        ({"train.devices": [1, 2]}, r"train\.devices: no setting of structured"),
        ({"train.augment.turn": [1, 2]}, r"train\.augment\.turn: no setting of structured"),
    ],
)
def test_a_space_of_another_type_is_reported(planned, space, said):
    with pytest.raises(UserError, match=said):
        planned(structured=AGES | {"search": search(space)})


def test_whole_numbers_are_those_of_the_setting(planned):
    plan = planned(
        structured=AGES
        | {"search": search({"train.learning_rate": {"low": 1, "high": 2}} | {"train.epochs": {"low": 1, "high": 9}})}
    )
    space = plan.searches["structured"].space
    assert (space["train.learning_rate"].whole, space["train.epochs"].whole) == (False, True)


def test_what_only_combines_others_has_nothing_to_search_for(planned):
    models = {"image": IMAGE, "structured": AGES}
    with pytest.raises(
        UserError, match=r"models\.late\.search: late has no settings to search for; search for those of"
    ):
        planned(**models, late=IMAGE | AGES | {"search": search(C)})


def test_a_model_that_another_starts_from_keeps_what_it_reads(planned):
    image = IMAGE | {"train": {"layers": "full"}}
    text = {"text": "findings", "train": {"layers": "full"}}
    space = {"train.layers": ["full", "top:1"]}
    with pytest.raises(UserError, match=r"models\.image\.search\.space\.train\.layers: early starts from image"):
        planned(image=image | {"search": search(space)}, text=text, early=IMAGE | text | {"train": {}})
    planned(image=image | {"search": search(RATE)}, text=text, early=IMAGE | text | {"train": {}})


def test_the_control_is_a_model_of_its_own_and_a_twin_is_none(planned):
    probe = {"architecture": "linear-probe"} | IMAGE
    planned(one=probe | {"search": search(C)}, other=probe | {"search": search(C, sampler="random")}, none=probe)
    with pytest.raises(UserError, match=r"models\.other: is the same as one in everything"):
        planned(one=probe | {"search": search(C)}, other=probe | {"search": search(C)})


def test_choices_that_decide_what_is_read_are_all_at_hand(planned):
    """Each trial waits for the features of both encoders, and each point has its own."""
    space = {"encoders.image": ["vit-tiny", "random:vit-tiny"], "encoders.pooling": ["none", "mean"]} | C
    plan = planned(**{"linear-probe": IMAGE | {"search": search(space)}})
    read = {str(path) for path in flat(plan.fit_trial("linear-probe", "0", 0, 0).needed.values())}
    folders = {
        f"data/features/demo/{each}" for each in ["vit-tiny/raw", "vit-tiny/raw.mean", f"{slug('random:vit-tiny')}/raw"]
    }
    assert {f"{folder}/tokens.npy" for folder in folders} <= read
    config = plan.configs["linear-probe"]
    point = {"encoders.image": "random:vit-tiny", "encoders.pooling": "mean", "settings.c": 0.5}
    found = config_at(config, point)
    assert (found.encoders, found.sources) == ({"image": "random:vit-tiny"}, {"image": "random:vit-tiny"})
    assert (found.pooling, found.settings, found.point) == ("mean", {"c": 0.5}, point)


def test_layers_and_starts_change_what_a_network_reads(planned):
    space = {"train.layers": ["frozen", "full"], "train.init_from": ["encoder", "pretrained"]} | RATE
    plan = planned(image=IMAGE | {"search": search(space)})
    read = {str(path) for path in flat(plan.train_trial("image", "0", 0, 0).needed.values())}
    assert {"data/images/demo/images.npy", "data/features/demo/vit-tiny_pretrained/raw/tokens.npy"} <= read
    assert "results/demo/pretrained/vit-tiny/model.safetensors" in read
    point = {"train.layers": "full", "train.init_from": "pretrained", "train.learning_rate": 0.05}
    found = config_at(plan.configs["image"], point)
    assert found.sources == {"image": "vit-tiny_pretrained"}
    assert (found.train.layers, found.train.init_from, found.train.learning_rate) == ("full", "pretrained", 0.05)
    assert "pooling" not in found.model_dump(exclude_defaults=True)


def test_a_round_reads_all_earlier_ones_and_no_test_score(planned):
    plan = planned(structured=AGES | {"search": search(RATE)})
    folder = "results/demo/searches/structured/fold1"
    read = [str(path) for path in flat(plan.propose("structured", "1", "1").needed.values())]
    assert read[0] == "results/demo/models/structured.json"
    assert set(read[1:]) == {f"{folder}/round0_trial{n}{file}" for n in range(3) for file in [".json", "/outcome.json"]}
    assert plan.propose("structured", "1", 0).reads == {"proposals": [], "outcomes": []}
    trained = plan.train("structured", "1")
    assert str(trained.inputs["model"]) == f"{folder}/best.json"
    trials = [plan.train_trial("structured", "1", number, 0) for number in [0, 1]]
    assert [len(each.reads["outcomes"]) for each in trials] == [0, 3], "those that it may be pruned by"


def test_a_teacher_that_is_searched_for_teaches_with_what_its_fold_has_found(planned):
    """Also in its inner trainings, whose scores the student learns from."""
    student = {"architecture": "image-distilled", "parts": {"teacher": "structured"}} | IMAGE
    plan = planned(structured=AGES | {"search": search(RATE)}, student=student)
    runs = [run for run in plan.trainings("structured") if run.startswith("1")]
    assert len(runs) > 1
    files = {str(plan.train("structured", run).inputs["model"]) for run in runs}
    assert files == {"results/demo/searches/structured/fold1/best.json"}


def test_a_search_is_its_models_own(planned):
    """No other job reads it, and without one the file of a model says nothing of it."""
    plain, with_search = planned(structured=AGES), planned(structured=AGES | {"search": search(RATE)})
    assert plain.searches == {} and "search" not in plain.configs["structured"].model_dump(exclude_none=True)
    assert "search" not in plain.analyses and "search" in with_search.analyses
    assert plain.train("structured", "0").needed.keys() == with_search.train("structured", "0").needed.keys()


def test_every_setting_that_can_be_searched_for_is_one_of_the_file(planned, studies):
    for name in ["openi", "covid", "pad"]:
        for model in studies[name].models.values():
            assert {key.split(".")[0] for key in searchable(studies[name], model)} <= {
                "settings",
                "train",
                "encoders",
                "fusion",
            }


def test_a_round_of_short_trials_is_one_submission_and_trials_of_encoders_are_many(planned):
    """Jobs of a submission wait for no other submission that waits for one of them."""
    image = {"architecture": "image"} | IMAGE | {"search": search(RATE)}
    short, long = image | {"train": {"layers": "frozen"}}, image | {"train": {"layers": "full"}}
    sizes = Sizes(planned(short=short, long=long))
    jobs = [{"round": "0"}, {"round": "0", "trial": "1"}, {"round": "1"}, {}]
    groups = {name: [sizes.search_group(name, "2", **job) for job in jobs] for name in ["short", "long"]}
    round0, round1, selected = "search_short_fold2_round0", "search_short_fold2_round1", "search_short_fold2"
    assert groups["short"] == [round0, round0, round1, selected]
    assert groups["long"] == ["long_fold2_round0", "long_fold2_round0_trial1", "long_fold2_round1", "long_fold2"]
    for name, found in groups.items():
        assert sizes.training_group(name, "2") == found[-1], "the best is taken and trained at once"
