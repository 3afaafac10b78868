from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.ingest.groups import group
from lungfuse.ingest.limits import BINARY
from lungfuse.ingest.parts import fold_indices
from lungfuse.ingest.split import assign_folds, assign_validation, check_groups, check_rejected, draw, warnings_of
from lungfuse.ingest.split_log import missing_of_validation, warnings_of_repeats
from lungfuse.settings.ingest import SplitSettings
from lungfuse.statistics.splits import parts_of
from lungfuse.tables.ingest import rejected_table
from lungfuse.tasks import load_task


@pytest.fixture
def candidates():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"group": rng.integers(0, 120, 200), "label": rng.integers(0, 2, 200), "site": ""})


def test_no_group_is_in_two_folds_and_labels_are_even(candidates):
    candidates["fold"] = assign_folds(candidates, folds=5, seed=0)
    assert candidates.groupby("group")["fold"].nunique().max() == 1
    assert set(candidates["fold"]) == set(range(5))
    shares = candidates.groupby("fold")["label"].mean()
    assert (shares - candidates["label"].mean()).abs().max() < 0.05


def test_every_hospital_is_spread_over_all_folds():
    candidates = pd.DataFrame({"group": np.arange(100), "label": np.arange(100) % 2, "site": ["a"] * 80 + ["b"] * 20})
    candidates["fold"] = assign_folds(candidates, folds=5, seed=0)
    counts = candidates.groupby(["fold", "site", "label"]).size()
    assert set(counts.xs("a", level="site")) == {8}
    assert set(counts.xs("b", level="site")) == {2}


def test_the_seed_decides(candidates):
    assert assign_folds(candidates, 5, seed=1).equals(assign_folds(candidates, 5, seed=1))
    assert not assign_folds(candidates, 5, seed=1).equals(assign_folds(candidates, 5, seed=2))


def test_each_fold_is_validated_on_pairs_of_the_other_folds_that_share_no_group_with_what_is_learned(candidates):
    pairs = candidates.assign(pair_id=[f"P{n}" for n in range(200)], fold=assign_folds(candidates, 5, seed=0))
    validation = assign_validation(pairs, SplitSettings(folds=5, validation=0.2), seed=0)
    for fold in range(5):
        train, val, test = (pairs.iloc[part] for part in fold_indices(pairs, validation, fold))
        assert len(train) + len(val) + len(test) == 200
        assert set(test["fold"]) == {fold}
        groups = [set(part["group"]) for part in [train, val, test]]
        assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
        assert len(val) == pytest.approx(0.2 * (200 - len(test)), abs=8)
        assert val["label"].mean() == pytest.approx(train["label"].mean(), abs=0.1)


def test_validation_pairs_of_one_class_are_reported():
    pairs = pd.DataFrame({"group": range(40), "label": [1, 1, *[0] * 38], "fold": [0, 1] * 20, "site": ""})
    pairs["pair_id"] = pairs["group"].astype(str)
    with pytest.raises(
        UserError, match=r"split\.validation: found 0\.2, but in fold 0 the \d+ pairs to \w+ \w+ are of one"
    ):
        assign_validation(pairs, SplitSettings(folds=2, validation=0.2), seed=0)


def test_too_few_groups_are_reported_with_the_step_that_lost_them():
    candidates = pd.DataFrame({"group": [0, 1, 2, 3, 4, 5], "label": [0, 0, 0, 0, 1, 1], "site": ""})
    steps = {"step": ["images", "lung reports", "pairs"], "count": [90, 40, 6]}
    steps = pd.DataFrame(steps | {"negative": [None, 0, 4], "positive": [None, 40, 2]}).astype({"positive": "Int64"})
    message = r"results/mine/funnel\.csv: class 1 has 2 groups .* 3\. .*: 40 lung reports, 2 pairs\. .* set fewer folds"
    with pytest.raises(UserError, match=message):
        check_groups(candidates, 3, steps, Path("results/mine/funnel.csv"))
    check_groups(candidates, 2, steps, Path("results/mine/funnel.csv"))


def test_every_class_of_several_stands_in_every_fold_and_in_each_part_of_it():
    task = load_task("multiclass", ["a", "b", "c"])
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame({"group": rng.integers(0, 200, 300), "label": rng.choice(3, 300, p=[0.8, 0.15, 0.05])})
    pairs = pairs.assign(site="", pair_id=[f"P{n}" for n in range(300)])
    pairs["fold"] = assign_folds(pairs, 3, 0, task)
    assert (pairs.groupby(["fold", "label"]).size().unstack() >= 3).all(axis=None)
    assert (
        missing_of_validation(pairs, assign_validation(pairs, SplitSettings(folds=3, validation=0.2), 0, task), task)
        == []
    )


def labelled(rare: int) -> pd.DataFrame:
    """Sixty pairs: one label that every second has, and one that so many have."""
    pairs = pd.DataFrame({"pair_id": [f"P{n}" for n in range(60)], "group": range(60), "site": ""})
    pairs["label_common"] = pd.array(np.arange(60) % 2, "Int64")
    return pairs.assign(label_rare=pd.array(np.arange(60) < rare, "Int64"))


@pytest.mark.parametrize(("rare", "known"), [(12, False), (3, False), (2, True)])
def test_a_label_that_cannot_be_validated_everywhere_is_reported_and_one_alone_is_enough(rare, known):
    task = load_task("multilabel", ["common", "rare"])
    pairs = labelled(rare)
    for seed in range(4):
        pairs["fold"] = assign_folds(pairs, 3, seed, task)
        validation = assign_validation(pairs, SplitSettings(folds=3, validation=0.2), seed, task)
        found = missing_of_validation(pairs, validation, task)
        assert any("none is 1 in label_rare" in text for text in found) == known, seed
        assert not any("label_common" in text for text in found)


def test_a_label_that_nearly_every_pair_has_needs_groups_without_it():
    task, pairs = load_task("multilabel", ["common", "rare"]), labelled(57)
    steps = pd.DataFrame({"step": ["pairs"], "count": [60], "common": ["30"], "rare": ["57"]})
    with pytest.raises(UserError, match=r"the label rare, where it is 0, has 3 groups .* step has left: 57 pairs\."):
        check_groups(pairs, 4, steps, Path("funnel.csv"), task)
    check_groups(pairs, 3, steps, Path("funnel.csv"), task)


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_validated_where_most_labels_are_both_present_and_absent(seed):
    task, rng = load_task("multilabel", list("abcdefgh")), np.random.default_rng(seed)
    columns = task.columns("label")
    pairs = pd.DataFrame(rng.random((150, 8)) < 0.03, columns=columns).astype("Int64")
    pairs = pairs.assign(pair_id=[f"P{n}" for n in range(150)], group=rng.integers(0, 100, 150), site="")
    pairs["fold"] = assign_folds(pairs, 3, seed, task)
    validation = assign_validation(pairs, SplitSettings(folds=3, validation=0.2), seed, task)
    for fold in range(3):
        others = pairs[pairs["fold"] != fold]
        parts = parts_of(task.strata(task.targets(others)), others["site"], others["group"], 5, seed + fold)
        most = max((others[columns].iloc[part].nunique() == 2).sum() for part in parts)
        _, validated, _ = fold_indices(pairs, validation, fold)
        assert (pairs[columns].iloc[validated].nunique() == 2).sum() == most


def test_labels_none_of_which_can_be_validated_are_an_error():
    task = load_task("multilabel", ["common", "rare"])
    pairs = labelled(1).assign(label_common=pd.array([1] * 60, "Int64"), fold=np.arange(60) % 3)
    with pytest.raises(UserError, match=r"split\.validation: found 0\.2, but in fold 0 the \d+ pairs to"):
        assign_validation(pairs, SplitSettings(folds=3, validation=0.2), 0, task)


def test_hospitals_too_small_for_the_folds_are_spread_as_one():
    candidates = pd.DataFrame({"group": np.arange(60), "label": np.arange(60) % 2, "site": np.arange(60) // 2})
    candidates["site"] = "hospital " + candidates["site"].astype(str)
    folds = assign_folds(candidates, folds=5, seed=0)
    assert candidates.groupby(folds)["label"].agg(["size", "sum"]).to_numpy().tolist() == [[12, 6]] * 5


def test_a_text_that_joins_many_patients_is_named_and_so_are_uneven_folds():
    texts = [f"Study {number} of a lung." for number in range(100)]
    texts[:40] = ["No notes."] * 40
    pairs = pd.DataFrame({"text": texts, "report_id": [str(number) for number in range(100)], "site": ""})
    pairs = pairs.assign(label=np.arange(100) % 2, group=group(pairs["report_id"], pairs["text"]))
    pairs["fold"] = assign_folds(pairs, 5, seed=0)
    joined, uneven = warnings_of(pairs, 5)
    assert "40 of 100 pairs are one group" in joined and "40 of its 40 reports say 'No notes.'" in joined
    assert uneven.startswith("the folds hold 12 to 52 pairs")
    apart = pairs.assign(group=np.arange(100), fold=np.arange(100) % 5)
    assert warnings_of(apart, 5) == []


REPORTS = {"reports found": 100, "images": 100, "images with a view": 100}


def test_too_many_rejected_reports_stop_the_run(tmp_path):
    rejected = rejected_table([("report", str(number), "bad") for number in [*range(10), 0]])
    check_rejected(pd.Series(REPORTS), rejected, 0.10, tmp_path / "rejected.csv")
    with pytest.raises(UserError, match=r"rejected\.csv: 10 of 100 reports cannot be used \(10\.0%, allowed 9\.0%\)"):
        check_rejected(pd.Series(REPORTS), rejected, 0.09, tmp_path / "rejected.csv")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            {"with findings": 50, "with a readable image": 40},
            r"10 of 50 pairs have no readable image \(20\.0%, allowed",
        ),
        ({"frontal images": 60, "readable images": 50}, r"10 of 60 images of the view cannot be read \(16\.7%"),
        ({"images with a view": 10}, r"90 of 100 images have no view that is known \(90\.0%, allowed 5\.0%\)"),
    ],
)
def test_too_many_images_that_are_missing_or_without_a_view_stop_the_run(tmp_path, steps, message):
    with pytest.raises(UserError, match=message):
        check_rejected(pd.Series(REPORTS | steps), rejected_table([]), 0.05, tmp_path / "rejected.csv")


def named(candidates):
    return candidates.assign(pair_id=[f"P{n}" for n in range(len(candidates))])


def test_each_repeat_draws_folds_and_validation_pairs_anew_and_the_first_is_that_of_a_single_one(candidates):
    settings = SplitSettings(folds=5, validation=0.2)
    once, drawn = (draw(named(candidates), settings.model_copy(update={"repeats": n}), seed=3) for n in (1, 3))
    assert drawn.pairs.equals(once.pairs) and drawn.pairs["fold"].equals(assign_folds(candidates, 5, seed=3))
    for table in ["folds", "validation"]:
        found = getattr(drawn, table)
        assert found[found["repeat"] == 0].equals(getattr(once, table))
    folds, validated = [], []
    for repeat in range(3):
        pairs, validation = drawn.of_repeat(repeat)
        assert pairs.groupby("group")["fold"].nunique().max() == 1
        for fold in range(5):
            train, val, test = (set(pairs["group"].iloc[part]) for part in fold_indices(pairs, validation, fold))
            assert not (train & val or train & test or val & test)
        folds.append(tuple(pairs["fold"]))
        validated.append(frozenset(validation.query("fold == 0")["pair_id"]))
    assert len(set(folds)) == len(set(validated)) == 3
    assert warnings_of_repeats(drawn, settings.model_copy(update={"repeats": 3}), BINARY) == []


def test_repeats_whose_folds_are_the_same_are_reported():
    """Four groups of five pairs make two folds of two groups in three ways."""
    candidates = named(pd.DataFrame({"group": np.arange(20) // 5, "label": np.arange(20) % 2, "site": ""}))
    settings = SplitSettings(folds=2, validation=0.5, repeats=8)
    known = warnings_of_repeats(draw(candidates, settings, seed=0), settings, BINARY)
    assert len(known) >= 5 and all(" has the folds of repeat " in text for text in known)


def test_a_repeat_that_was_not_drawn_is_reported(candidates):
    drawn = draw(named(candidates), SplitSettings(folds=5, validation=0.2), seed=0)
    with pytest.raises(UserError, match=r"folds\.csv: has no fold in repeat 2 for 200 .* split\.repeats to 3 or more"):
        drawn.of_repeat(2)


BY_SITE = SplitSettings(folds=3, validation=0.2, by="site", repeats=2)


def at_sites(sites: str, group: str = "patient {n}", labels: str = "01") -> pd.DataFrame:
    """Sixty pairs whose sites, and labels, take turns."""
    pairs = named(pd.DataFrame({"site": [sites[n % len(sites)] for n in range(60)]}))
    pairs["label"] = [int(labels[n // len(sites) % len(labels)]) for n in range(60)]
    names = [group.format(n=n, half=n // 2) for n in range(60)]
    return pairs.assign(group=pd.factorize(pd.Series(names))[0])


def test_a_fold_tests_a_site_and_its_models_never_see_it():
    drawn = draw(at_sites("bca"), BY_SITE, seed=0)
    assert drawn.pairs.groupby("site")["fold"].unique().map(list).to_dict() == {"a": [0], "b": [1], "c": [2]}
    validated = []
    for repeat in range(2):
        pairs, validation = drawn.of_repeat(repeat)
        assert pairs.equals(drawn.pairs)
        train, val, test = (pairs.iloc[part] for part in fold_indices(pairs, validation, 1))
        assert set(test["site"]) == {"b"} and set(train["site"]) == set(val["site"]) == {"a", "c"}
        assert len(val) == 8 and set(val["label"]) == {0, 1}
        validated.append(set(val["pair_id"]))
    assert validated[0] != validated[1]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (at_sites("a"), r"split\.by: found site, but the pairs are of one site: a \(60 pairs\); expected two or more"),
        (
            at_sites("ab"),
            r"split\.folds: found 3, .* are of 2: a \(30 pairs\), b \(30 pairs\)\. Set split\.folds to 2",
        ),
        (at_sites("ab "), r"split\.by: found site, but 20 of 60 pairs name no site, so they can neither"),
        (at_sites("aabc", "patient {half}"), r"15 groups, with 30 of 60 pairs, share .* such as P2 of b and P3 of c"),
        (at_sites("abc", labels="0").assign(label=lambda t: (t["site"] != "c").astype(int)), r"class 0 .* at a, b"),
    ],
)
def test_sites_that_cannot_be_left_out_are_reported(pairs, said):
    pairs["site"] = pairs["site"].str.strip()
    with pytest.raises(UserError, match=said):
        draw(pairs, BY_SITE, seed=0)
