"""Every measure gives relevance of known worth the score that it deserves."""

import numpy as np
import pandas as pd
import pytest
import torch
from adding_networks import of_columns, of_images
from drawn_networks import drawn_case, network
from torch import Tensor

from lungfuse import registry
from lungfuse.relevance.curves import blurred
from lungfuse.relevance.given import Given
from lungfuse.relevance.measures.randomisation import cascade, similarity, stages
from lungfuse.relevance.modalities import modality_values
from lungfuse.relevance.network import Case
from lungfuse.relevance.scores import explanation_scores, measure, measure_names, of_cases, word
from lungfuse.relevance.similarity import pairwise, rank_correlation, rank_correlations, unrelated
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.explanations import ExplanationScores

NEEDS = ["mask", "network", "method", "other networks", "shuffled"]
MASK = torch.zeros(1, 8, 8, dtype=torch.bool)
MASK[:, :2, :4] = True  # 8 of 64 pixels, in a corner
WORDS = torch.tensor([[False, True, False, False, True, False, False]])


def given(relevance: dict[str, Tensor], case: Case | None = None, **others) -> Given:
    """Relevance of cases that are each of another patient."""
    count = len(next(iter(relevance.values())))
    there = {name: each.new_ones(count if each.ndim == 3 else each.shape).bool() for name, each in relevance.items()}
    case = case or Case(dict(relevance), there)
    return Given(case, relevance, np.arange(count), np.arange(count), **others)


def scored(name: str, relevance: dict[str, Tensor], case: Case | None = None, **others) -> dict:
    """The mean value of each variant, and of each of its controls."""
    frame = of_cases(given(relevance, case, **others), [name])
    values = frame.groupby("variant")["value"].mean().to_dict()
    return values | frame.groupby("against")["control"].mean().to_dict()


@pytest.mark.parametrize("name", measure_names())
def test_a_measure_says_what_it_is_and_what_it_needs(name):
    found = measure(name)
    assert min(map(len, [found.title, found.caption, found.limit])) > 5
    assert set(found.needs) <= set(NEEDS)
    assert set(found.modalities) <= {"image", "text", "structured", "all"}
    assert found.margin >= 0
    assert "measure" in registry.functions("lungfuse.relevance.measures", name)


@pytest.mark.parametrize("name", [name for name in measure_names() if measure(name).needs])
def test_a_measure_is_silent_without_what_it_needs(name):
    assert of_cases(given({"image": torch.rand(2, 8, 8), "structured": torch.rand(2, 3)}), [name]).empty


@pytest.mark.parametrize(("name", "uninformative"), [("pointing", 8 / 64), ("inside", 8 / 64)])
def test_a_map_is_held_against_a_mask(name, uninformative):
    right, image = MASK.float(), {"image": MASK}
    found = scored(name, {"image": right}, masks=image)
    assert found[""] == 1
    assert found["area"] == 8 / 64
    assert found["centre"] < 8 / 64, "the mask is in a corner"
    assert 0 < found["random maps"] < 0.5
    assert scored(name, {"image": -right}, masks=image)[""] == 0
    assert scored(name, {"image": torch.ones(1, 8, 8)}, masks=image)[""] == uninformative


def test_a_map_in_the_centre_is_the_control_of_a_mask_in_the_centre():
    middle = torch.zeros(1, 8, 8, dtype=torch.bool)
    middle[:, 2:6, 2:6] = True
    found = scored("pointing", {"image": torch.ones(1, 8, 8)}, masks={"image": middle})
    assert (found["centre"], found["area"]) == (1, 0.25)


def test_maps_and_masks_may_have_other_sizes():
    large = MASK.repeat_interleave(4, 1).repeat_interleave(4, 2)
    for name in ["pointing", "inside"]:
        assert scored(name, {"image": MASK.float()}, masks={"image": large})[""] == 1
        assert scored(name, {"image": large.float()}, masks={"image": MASK})[""] == 1
        half = torch.eye(2)[:1].expand(2, 2)[None]  # two of four squares, of which one lies half in the mask
        assert scored(name, {"image": half}, masks={"image": MASK})[""] == 0.5


def test_relevance_below_zero_is_none():
    against = torch.where(MASK, 1.0, -2.0)
    assert scored("inside", {"image": against}, masks={"image": MASK})[""] == 1
    assert scored("pointing", {"image": against.abs()}, masks={"image": MASK})[""] == 0


def test_a_case_whose_mask_is_not_known_is_left_out():
    masks = torch.cat([MASK, torch.zeros_like(MASK)])
    frame = of_cases(given({"image": masks.float()}, masks={"image": masks}), ["inside"])
    row = explanation_scores(frame, "model", "method", 0.95, 100, 0).iloc[0]
    assert (row["n"], row["value"], row["passes"]) == (1, 1, "undecided")


def test_relevance_is_held_against_words_and_columns():
    right, masks = WORDS.float(), {"text": WORDS}
    assert scored("evidence", {"text": right}, masks=masks) == {"": 1, "share of them": pytest.approx(2 / 7)}
    assert scored("evidence", {"text": -right}, masks=masks)[""] == 0
    assert scored("evidence", {"text": torch.ones(1, 7)}, masks=masks)[""] == pytest.approx(2 / 7)
    columns = torch.tensor([[True, False]])
    found = scored("evidence", {"structured": torch.tensor([[3.0, 1.0]])}, masks={"structured": columns})
    assert found == {"": 0.75, "share of them": 0.5}


def test_marks_and_padding_are_no_words():
    there = torch.tensor([[True] * 5 + [False] * 2])
    special = torch.tensor([[True] + [False] * 3 + [True] + [False] * 2])
    case = Case({"text": torch.zeros(1, 7, 1)}, {"text": there}, special)
    found = scored("evidence", {"text": torch.ones(1, 7)}, case, masks={"text": WORDS})
    assert found == {"": pytest.approx(1 / 7), "share of them": pytest.approx(1 / 3)}
    assert scored("padding", {"text": torch.ones(1, 7)}, case)["relevance"] == pytest.approx(5 / 7)
    assert scored("padding", {"text": -there.float()}, case)["relevance"] == 1


@pytest.mark.parametrize("name", ["deletion", "insertion"])
def test_the_curve_of_columns_is_that_of_their_sum(name):
    values = torch.tensor([[1.0, 4.0, 2.0, 3.0]]).repeat(300, 1)
    adding, case = of_columns(values)
    more = {"network": adding, "target": torch.ones(300, dtype=torch.long)}
    assert scored(name, {"structured": values}, case, **more)["mean"] == pytest.approx(6.25)  # of 10, 6, 3, 1, 0
    assert scored(name, {"structured": -values}, case, **more)["mean"] == pytest.approx(3.75)
    nothing = scored(name, {"structured": torch.zeros_like(values)}, case, **more)
    assert nothing["mean"] == pytest.approx(5, abs=0.2), "places of equal relevance are drawn"
    assert nothing["random orders"] == pytest.approx(5, abs=0.1)
    wrong = more | {"target": torch.zeros(300, dtype=torch.long)}
    assert scored(name, {"structured": values}, case, **wrong)["mean"] == pytest.approx(-6.25)


@pytest.mark.parametrize("name", ["deletion", "insertion"])
def test_the_curve_of_an_image_is_that_of_its_squares(name):
    pixels = torch.zeros(1, 16, 16)
    pixels[:, 4:6, 8:10] = 255
    adding, case = of_images(pixels)
    more = {"network": adding, "target": torch.tensor([1])}
    right, whole, step = pixels[:, ::2, ::2], 4.0, 1 / 32  # half of one of sixteen steps
    assert scored(name, {"image": right}, case, **more)["grey"] == pytest.approx(whole * (1 - step))
    assert scored(name, {"image": -right}, case, **more)["grey"] == pytest.approx(whole * step)
    assert scored(name, {"image": right}, case, **more)["blur"] < whole * (1 - step)


def test_a_blurred_image_keeps_its_level_and_loses_its_edges():
    level, edge = torch.full((1, 16, 8, 3), 7.0), torch.zeros(1, 16, 8)
    edge[:, 8:] = 1
    torch.testing.assert_close(blurred(level), level)
    assert blurred(edge)[0, :, 3].diff().max() < 0.3
    torch.testing.assert_close(blurred(edge)[0, :, 0], blurred(edge)[0, :, 7])


def test_what_is_drawn_for_a_case_is_the_same_in_any_batch():
    relevance, masks = torch.rand(4, 8, 8), MASK.repeat(4, 1, 1)
    adding, case = of_images(torch.rand(4, 16, 16))
    whole = Given(
        case, {"image": relevance}, np.arange(4), np.arange(4), {"image": masks}, adding,
        torch.ones(4, dtype=torch.long),
    )  # fmt: skip
    halves = [
        Given(
            Case({"image": case.entries["image"][part]}, {"image": case.there["image"][part]}),
            {"image": relevance[part]}, np.arange(4)[part], np.arange(4)[part], {"image": masks[part]}, adding,
            whole.target[part],
        )
        for part in [slice(0, 2), slice(2, 4)]
    ]  # fmt: skip
    names, keys = ["pointing", "inside", "deletion", "insertion"], ["measure", "variant", "against", "case"]
    together, apart = (
        pd.concat([of_cases(each, names) for each in batches]).sort_values(keys, ignore_index=True)
        for batches in [[whole], halves]
    )
    pd.testing.assert_frame_equal(together, apart, atol=1e-5)


def test_relevance_of_other_networks_agrees_more_than_that_of_other_cases():
    own = torch.rand(24, 6, generator=torch.Generator().manual_seed(0))
    for others, expected in [(own, 1), (-own, -1), (torch.ones_like(own), 0)]:
        found = scored("agreement", {"structured": own}, others={"folds": [{"structured": others}] * 2})
        assert found["folds"] == expected
        assert abs(found["other cases"]) < 0.3
    same = own[:1].repeat(24, 1)
    assert scored("agreement", {"structured": same}, others={"folds": [{"structured": same}]}) == {
        "folds": 1, "other cases": 1,
    }  # fmt: skip
    both = {"folds": [{"structured": own}], "seeds": [{"structured": -own}]}
    found = scored("agreement", {"structured": own}, others=both)
    assert (found["folds"], found["seeds"]) == (1, -1)


def test_cases_of_one_patient_are_no_control():
    relevance = {"structured": torch.rand(3, 6)}
    case = given(relevance).case
    of_one = Given(case, relevance, np.arange(3), np.array([5, 5, 5]), others={"seeds": [relevance]})
    assert of_cases(of_one, ["agreement"])["control"].isna().all()


def test_shares_of_modalities_have_the_order_of_what_each_adds_to_the_logit():
    explained, target = network("kv-exchange", ["image", "text", "structured"]), torch.tensor([0, 1, 1])
    case = drawn_case(explained)
    worth = dict(zip(case.entries, modality_values(explained, case, target).float().split(1, dim=1), strict=True))
    asked = {"network": explained, "target": target}
    parts = {"image": worth["image"][..., None].expand(3, 4, 4) / 16, "text": worth["text"].expand(3, 7) / 7}
    assert scored("modality_share", parts | {"structured": worth["structured"]}, case, **asked)[""] == 1
    assert scored("modality_share", {name: -each for name, each in worth.items()}, case, **asked)[""] == -1
    assert scored("modality_share", {name: each.abs() for name, each in worth.items()}, case, **asked)[""] == 1
    assert of_cases(given({"image": parts["image"]}, case, **asked), ["modality_share"]).empty


def test_how_much_each_modality_decided_has_the_order_of_what_shuffling_it_costs():
    worth = {"image": torch.full((2, 1), -3.0), "text": torch.ones(2, 1), "structured": torch.full((2, 1), 0.5)}
    order = {"image": 0.2, "text": 0.1, "structured": 0.01}
    assert scored("shuffling", worth, shuffled=order) == {"": 1, "random orders": 0}
    assert scored("shuffling", worth, shuffled={name: -cost for name, cost in order.items()})[""] == -1
    assert scored("shuffling", worth, shuffled=dict.fromkeys(order, 0.1))[""] == 0


def test_each_case_is_compared_with_all_others_and_counts_by_both_of_its_places():
    x, groups = torch.rand(6, 1, generator=torch.Generator().manual_seed(0)), np.arange(6)
    found = unrelated(pairwise(lambda a, b: (a + b)[:, 0], x), groups)
    torch.testing.assert_close(found - found.mean(), 2 * (x - x.mean())[:, 0], rtol=0.3, atol=0)
    assert found.mean() == pytest.approx(2 * x.mean())
    related = unrelated(pairwise(lambda a, b: (a + b)[:, 0], x), np.array([0, 0, 0, 0, 0, 1]))
    assert related.mean() == pytest.approx((x[:5].mean() + x[5]).item(), abs=1e-6)
    maps = torch.rand(5, 9, generator=torch.Generator().manual_seed(0))
    shown = torch.ones(5, 9, dtype=torch.bool)
    fast = rank_correlations(maps, maps.flip(0), shown)
    by_rows = [rank_correlation(maps, maps.flip(0)[[other] * 5], shown) for other in range(5)]
    torch.testing.assert_close(fast, torch.stack(by_rows, dim=1))
    shown[0, 0] = False
    found = rank_correlations(maps, maps.flip(0), shown)
    torch.testing.assert_close(found[1:, 1:], fast[1:, 1:])
    expected = rank_correlation(maps[:1, 1:], maps.flip(0)[2:3, 1:], shown[:1, 1:])
    assert found[0, 2] == pytest.approx(expected.item())


def test_maps_are_as_similar_as_they_look():
    a = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    torch.testing.assert_close(similarity(a, 5 * a), torch.ones(3))
    assert (similarity(a, -a) < 0).all()
    assert (similarity(a, a.flip(1)).abs() < 0.7).all()
    torch.testing.assert_close(similarity(a[:, :2, :2], a[:, :2, :2]), torch.ones(3))


def test_weights_are_shuffled_from_the_output_to_the_input():
    explained = network("kv-exchange", ["image", "text", "structured"])
    names = [name for name, _ in stages(explained)]
    assert names == ["model", "half of the encoders"]
    before, changed = explained.state_dict(), []
    for _, copy in cascade(explained, seed=0):
        changed.append(sum(not torch.equal(before[name], each) for name, each in copy.state_dict().items()))
    assert changed == sorted(changed)
    assert 0 < changed[0] < changed[1] < changed[2]
    assert [name for name, _ in cascade(explained, seed=1, only_all=True)] == ["all"]
    head = [each for _, each in next(iter(cascade(explained, seed=0)))[1].model.head.named_parameters()]
    for own, each in zip(explained.model.head.parameters(), head, strict=True):
        torch.testing.assert_close(own.flatten().sort().values, each.flatten().sort().values)


def test_an_interval_says_whether_a_difference_is_above_the_margin():
    assert [word(*each) for each in [(0.1, 0.2, 0), (0, 0.2, 0), (-0.1, 0, 0), (float("nan"),) * 2 + (0,)]] == [
        "passes", "undecided", "fails", "undecided",
    ]  # fmt: skip
    assert [word(*each) for each in [(-0.05, 0, 0.1), (-0.2, -0.1, 0.1)]] == ["passes", "fails"]


def test_scores_hold_against_every_control_and_go_by_patients(tmp_path):
    keys = {"measure": "inside", "modality": "image", "variant": "", "training": 0}
    cases = np.arange(40)
    values = np.random.default_rng(0).random(40)
    frame = pd.concat(
        [
            pd.DataFrame(keys | {"case": cases, "group": cases // 2, "value": values, "against": name, "control": each})
            for name, each in [("area", values - 0.2), ("centre", values - 0.1)]
        ]
    )
    row = explanation_scores(frame, "early", "occlusion", 0.95, 200, 0)
    write_table(row, tmp_path / "scores.csv", ExplanationScores)
    found = read_table(tmp_path / "scores.csv", ExplanationScores).iloc[0]
    assert (found["against"], found["n"], found["groups"], found["passes"]) == ("centre", 40, 20, "passes")
    assert found[["difference", "difference_low", "difference_high"]].tolist() == pytest.approx([0.1] * 3)
    assert found["low"] < found["value"] < found["high"]
    fewer = explanation_scores(frame[frame["group"] < 19], "early", "occlusion", 0.95, 200, 0).iloc[0]
    assert fewer["passes"] == "undecided"
    assert np.isnan(fewer["difference_low"])
