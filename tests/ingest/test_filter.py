import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.ingest.alike import ImageArray
from lungfuse.ingest.filter import FilterInputs, select_pairs
from lungfuse.ingest.groups import group, group_pairs
from lungfuse.ingest.labels import matches
from lungfuse.ingest.split import check_rejected
from lungfuse.settings.ingest import FilterSettings, LabelRule
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Funnel, Rejected, Reports, Values, Views, rejected_table
from lungfuse.tasks import load_task

RULES = {
    "labels": [
        {"name": "normal", "heading": "normal", "match": "equals"},
        {"name": "lung", "heading": "Lung", "match": "contains"},
    ],
    "balance": "first",
    "required": None,
    "text_fields": ["findings", "impression", "indication"],
}


def make_reports(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Reports of (report_id, major, findings)."""
    reports = pd.DataFrame(rows, columns=["report_id", "major", "findings"])
    return reports.assign(
        patient=reports["report_id"], automatic="", site="", comparison="", indication="", impression=""
    )


def make_views(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "report_id", "view"])


def select(reports, views, readable=None, needs_text=True, seed=0, **rules):
    found = FilterInputs(reports, views, reports[["report_id"]], readable)
    modalities = [*(["image"] if readable or not needs_text else []), *(["text"] if needs_text else [])]
    task = load_task("binary", ["normal", "lung"])
    pairs, funnel, dropped = select_pairs(found, task, modalities, "Frontal", FilterSettings(**RULES | rules), seed)
    return pairs, funnel.set_index("step"), dropped


@pytest.fixture
def collection():
    """Four normals, two of class lung, one of another disease, one without images."""
    reports = make_reports(
        ("R1", "normal", "clear one"), ("R2", "Lung/hypoinflation", "low"), ("R3", "normal", ""),
        ("R4", "Cardiomegaly", "large"), ("R5", "normal", "clear two"),
        ("R6", "Opacity/lung; Lung, Hyperlucent", "dark"), ("R7", "normal", "clear three"), ("R8", "Lung", "no images"),
    )  # fmt: skip
    views = make_views(
        ("R1a", "R1", "Frontal"), ("R1b", "R1", "Lateral"), ("R2a", "R2", "Frontal"), ("R2b", "R2", "Frontal"),
        ("R3a", "R3", "Frontal"), ("R4a", "R4", "Frontal"), ("R5a", "R5", "Frontal"), ("R6a", "R6", "Frontal"),
        ("R7a", "R7", "Frontal"),
    )  # fmt: skip
    return reports, views


def test_every_step_is_counted(collection):
    pairs, steps, _ = select(*collection)
    assert steps["count"].to_dict() == {
        "reports": 8, "images": 9, "images with a view": 9, "reports with images": 7,
        "frontal images": 8, "lung reports": 2,
        "normal reports": 4, "normal and lung reports": 6, "balanced reports": 4, "frontal images of these": 5,
        "with findings": 4, "pairs": 4, "lung pairs": 3, "reports of pairs": 3, "groups of pairs": 3,
    }  # fmt: skip
    assert list(pairs["pair_id"]) == ["R1a", "R2a", "R2b", "R6a"]
    assert list(pairs["label"]) == [0, 1, 1, 1]
    assert list(pairs["text"]) == ["clear one", "low", "low", "dark"]


@pytest.mark.parametrize(("balance", "normals"), [("first", ["R1", "R3"]), ("none", ["R1", "R3", "R5", "R7"])])
def test_balance(collection, balance, normals):
    pairs, _, _ = select(*collection, needs_text=False, balance=balance)
    assert list(pairs["report_id"][pairs["label"] == 0]) == normals


def test_random_balance_depends_on_the_seed_alone(collection):
    drawn = {
        seed: tuple(select(*collection, needs_text=False, balance="random", seed=seed)[0]["pair_id"])
        for seed in range(9)
    }
    again = tuple(select(*collection, needs_text=False, balance="random", seed=3)[0]["pair_id"])
    assert drawn[3] == again
    assert len(set(drawn.values())) > 1
    assert all(sum(name[:2] in ("R1", "R3", "R5", "R7") for name in names) == 2 for names in drawn.values())


def test_pairs_need_a_readable_image_when_images_are_used(collection):
    pairs, steps, _ = select(*collection, readable={"R1a", "R2b"})
    assert list(pairs["pair_id"]) == ["R1a", "R2b"]
    assert steps["count"]["with a readable image"] == 2


def test_the_text_is_the_first_text_field(collection):
    reports, views = collection
    pairs, steps, _ = select(reports.assign(impression="seen"), views, text_fields=["impression", "findings"])
    assert set(pairs["text"]) == {"seen"}
    assert steps["count"]["with impression"] == 5


def test_a_report_of_both_classes_is_of_neither_and_reported():
    reports = make_reports(("R1", "normal; Lung", "x"))
    pairs, _, dropped = select(reports, make_views(("R1a", "R1", "Frontal")), balance="none")
    assert pairs.empty
    assert dropped == [("report", "R1", "fits both classes, normal and lung")]


@pytest.mark.parametrize(
    ("headings", "contains", "equals"),
    [
        ("Lung/hypoinflation", True, True),
        ("Lung, Hyperlucent", True, False),
        ("Opacity/lung/base; Lung", True, True),
        ("Calcified Granuloma/lung", False, False),
        ("Granuloma/Lung", False, False),
        ("", False, False),
    ],
)
def test_a_rule_looks_before_the_first_slash_and_minds_the_case(headings, contains, equals):
    for match, expected in [("contains", contains), ("equals", equals)]:
        rule = LabelRule(name="lung", heading="Lung", match=match)
        assert matches(pd.Series([headings]), rule).tolist() == [expected]


def test_a_class_may_have_several_headings():
    headings = pd.Series(["Edema/mild", "Pleural Effusion; Cardiomegaly", "Effusion (small)", "normal"])
    for match, expected in [("contains", [True, True, True, False]), ("equals", [True, True, False, False])]:
        rule = LabelRule(name="fluid", heading=["Edema", "Pleural Effusion", "(small)"], match=match)
        assert matches(headings, rule).tolist() == expected


def test_groups_join_patients_and_equal_texts_through_others():
    reports = pd.Series(["A", "A", "B", "C", "D", "E"])
    texts = pd.Series(["one", "Two!", "two", "three", "  THREE. ", ""])
    assert group(reports, texts).tolist() == [0, 0, 0, 1, 1, 2]


def test_reports_of_a_patient_share_a_group(collection):
    reports, views = collection
    reports = reports.assign(patient=["p1", "p2", "p3", "p4", "p2", "p6", "p7", "p8"])
    pairs, _, _ = select(reports, views, balance="none")
    groups = pairs.groupby("report_id")["group"].first()
    assert groups["R2"] == groups["R5"]
    assert groups["R1"] != groups["R2"]


def test_empty_texts_are_not_equal():
    assert group(pd.Series(["A", "B", "B"]), pd.Series(["", "", ""])).tolist() == [0, 1, 1]


def test_reports_with_a_common_mark_share_a_group():
    marks = pd.Series(["paper 1", "paper 2; scan 7", "", "scan 7; paper 1", "", "A"])
    patients = pd.Series(["A", "B", "C", "D", "E", "F"])
    assert group(patients, pd.Series([""] * 6), marks).tolist() == [0, 0, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        (["patient", "text", "column"], [0, 0, 1, 1, 1, 2]),
        (["patient"], [0, 0, 1, 2, 3, 4]),
        (["text", "column"], [0, 1, 2, 2, 2, 3]),
        (["patient", "image"], [0, 0, 1, 2, 3, 0]),
        ([], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_pairs_stay_together_by_what_the_study_names(group_by, groups):
    pairs = pd.DataFrame({"patient": ["A", "A", "B", "C", "D", "E"], "text": ["", "", "clear", "Clear.", "", ""]})
    alike = np.array([[1, 5]]) if "image" in group_by else np.zeros((0, 2), int)
    assert group_pairs(pairs.assign(apart=["", "", "", "paper", "paper", ""]), group_by, alike).tolist() == groups


def test_images_that_look_alike_share_a_group_where_the_study_says_so(tmp_path, collection):
    reports, views = collection
    shown = views["image_id"].iloc[1:].tolist()
    images = np.random.default_rng(0).integers(0, 255, (len(shown), 32, 32), dtype=np.uint8)
    images[shown.index("R7a")] = images[shown.index("R5a")]
    np.save(tmp_path / "images.npy", images)
    index = pd.DataFrame({"image_id": shown, "row": range(len(shown)), "width": 32, "height": 32})
    found = FilterInputs(reports, views, reports[["report_id"]], set(shown), ImageArray(tmp_path / "images.npy", index))
    groups = {}
    for group_by in [["patient"], ["patient", "image"]]:
        rules = FilterSettings(**RULES | {"balance": "none", "group_by": group_by})
        pairs, _, _ = select_pairs(found, load_task("binary", ["normal", "lung"]), ["image"], "Frontal", rules, 0)
        groups[len(group_by)] = pairs.set_index("image_id")["group"]
    assert groups[1]["R5a"] != groups[1]["R7a"]
    assert groups[2]["R5a"] == groups[2]["R7a"] and groups[2].nunique() == groups[1].nunique() - 1


def test_what_a_step_drops_is_counted_by_class_and_named(collection):
    _, steps, dropped = select(*collection)
    assert steps.loc["frontal images of these", ["negative", "positive"]].tolist() == [2, 3]
    assert steps.loc["with findings", ["negative", "positive"]].tolist() == [1, 3]
    assert steps.loc["frontal images", ["negative", "positive"]].isna().all(), "before there are labels"
    assert dropped == [("pair", "R3a", "has no findings; it is normal")]


@pytest.mark.parametrize(
    ("change", "rules", "message"),
    [
        (lambda reports, views: (reports, views.assign(view="PA")), {},
         r"view: found 'Frontal', but no image has it. The views of 9 images are 'PA' \(9\)\. Set `view`"),
        (lambda reports, views: (reports.assign(major="Lung"), views), {},
         r"filter\.labels: no report is 'normal', for no heading equals 'normal'\. .* are, .* 'Lung' \(7\)"),
        (lambda reports, views: (reports.assign(major=reports["major"].str.lower()), views), {},
         r"no report is 'lung', for no heading contains 'Lung'\. .* 'normal' \(4\), .*'lung' \(1\).*Case counts"),
        (lambda reports, views: (reports, views), {"text_fields": ["impression", "findings"]},
         "filter.text_fields: impression comes first, but none of 5 pairs has it. .*findings 4, impression 0"),
    ],
    ids=["view", "class", "case", "section"],
)  # fmt: skip
def test_a_filter_that_leaves_nothing_says_what_there_is(collection, change, rules, message):
    with pytest.raises(UserError, match=message):
        select(*change(*collection), **rules)


def test_the_stage_counts_each_report_once_and_counts_empty_sections(tmp_path, collection, capsys):
    reports, views = collection
    reports = reports.assign(major=reports["major"].replace("Cardiomegaly", "normal; Lung"))
    write_table(reports, tmp_path / "reports.csv", Reports)
    write_table(views, tmp_path / "views.csv", Views)
    write_table(reports, tmp_path / "values.csv", Values)
    unread = rejected_table(
        [("report", "9.xml", "is no XML"), ("report", "R3", "has no heading"), ("image", "x", "dark")]
    )
    write_table(unread, tmp_path / "bad.csv", Rejected)
    names = ["reports", "views", "values", "candidates", "funnel", "rejected"]
    files = {name: tmp_path / f"{name}.csv" for name in names}
    run_stage("filter", task="binary", modalities=["text"], view="Frontal", filter=FilterSettings(**RULES), seed=0,
        rejected_inputs=[tmp_path / "bad.csv"], **files)  # fmt: skip
    funnel = read_table(files["funnel"], Funnel)
    assert funnel.loc[0, ["step", "count"]].tolist() == ["reports found", 9]
    rejected = read_table(files["rejected"], Rejected)
    assert set(rejected["id"][rejected["what"] == "report"]) == {"9.xml", "R3", "R4"}
    with pytest.raises(UserError, match="3 of 9 reports cannot be used"):
        check_rejected(funnel.set_index("step")["count"], rejected, 0.3, files["rejected"])
    assert "no pair has impression" in capsys.readouterr().err
