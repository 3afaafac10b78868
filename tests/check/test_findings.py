"""Each finding is made where something is planted, and not where nothing is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_check import SICK, found_in, labels, outcome, rule, study

from lungfuse.check.findings import finding_names
from lungfuse.settings.ingest import LabelRule
from lungfuse.statistics.power import cases_of_accuracy, design_effect, least_difference
from lungfuse.tables.ingest import rejected_table

RNG = np.random.default_rng(0)
COUNT = 200
TOLD = labels(COUNT)
OUTCOME = outcome(TOLD)
SOME_WORDS = np.array([f"word{n}" for n in range(300)])
BOTH = [LabelRule(name=name, column=name, positive=["Y"], negative=["N"]) for name in ["died", "icu"]]


def texts() -> pd.Series:
    return pd.Series([" ".join(row) for row in SOME_WORDS[RNG.integers(0, 300, (COUNT, 20))]])


def reports(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns, index=range(COUNT))


def values(**columns) -> pd.DataFrame:
    return pd.DataFrame({"outcome": OUTCOME} | columns)


def images(count: int = COUNT) -> np.ndarray:
    coarse = RNG.normal(120, 30, (8, 8)) + RNG.normal(0, 20, (count, 8, 8))
    return coarse.clip(10, 240).astype(np.uint8).repeat(8, 1).repeat(8, 2)


def test_a_study_in_which_nothing_is_odd_has_notes_alone():
    noise = values(age=RNG.integers(20, 90, COUNT), sex=RNG.choice(["F", "M"], COUNT))
    reads = {"image": ["raw"], "text": ["findings"], "structured": ["age", "sex"]}
    patients = [f"P{n}" for n in range(COUNT)]
    data = study(
        reports(findings=texts(), patient=patients), noise, reads=reads, kinds={"age": "number"}, images=images()
    )
    found = {name: found_in(data, name) for name in finding_names()}
    severities = {finding.severity for each in found.values() for finding in each.values()}
    assert severities == {"note"}
    assert set(found["classes"]) == {"counts"}
    assert {name for name, each in found.items() if each} == {"classes", "power"}


@pytest.mark.parametrize("read", [True, False])
def test_a_column_that_copies_the_label_stops_where_a_row_reads_it(read):
    copy = values(code=np.where(TOLD == 1, "A7", "B2"))
    found = found_in(study(reports(), copy, reads={"structured": ["code"] if read else []}), "giveaway")["code"]
    assert found.severity == ("stop" if read else "note")
    assert "AUROC 1.00" in found.found
    assert "A7 (100 cases, 50.0%, all sick)" in found.found


def test_a_word_of_one_class_alone_stops_where_it_covers_many_cases():
    how = np.where(
        TOLD == 1, RNG.choice(["histo", "expert"], COUNT), RNG.choice(["histo", "expert", "follow_up"], COUNT)
    )
    found = found_in(study(reports(), values(how=how), reads={"structured": ["how"]}), "giveaway")["how"]
    assert found.severity == "stop"
    assert "follow_up" in found.found
    assert "all healthy" in found.found


def test_a_word_that_no_case_of_a_class_has_is_warned_of():
    """As in PAD-UFES-20, where all cancers were biopsied, and some of what is benign."""
    taken = np.where((TOLD == 1) | (RNG.random(COUNT) < 0.4), "True", "False")
    thirds = np.where(TOLD == 1, "sick", np.where(np.arange(COUNT) % 4 < 2, "healthy", "worn"))
    rules = [rule(name, "outcome") for name in ["healthy", "worn", "sick"]]
    table = pd.DataFrame({"outcome": thirds, "taken": taken, "side": RNG.choice(["left", "right"], COUNT)})
    data = study(reports(), table, rules, {"structured": ["taken", "side"]}, task="multiclass")
    found = found_in(data, "giveaway")
    assert found["taken"].severity == "warning"
    assert "none of the 100 cases of sick has False (" in found["taken"].found
    assert "side" not in found


def test_a_fair_predictor_is_a_note():
    age = (50 + 10 * TOLD + RNG.normal(0, 10, COUNT)).round()
    data = study(reports(), values(age=age), reads={"structured": ["age"]}, kinds={"age": "number"})
    assert found_in(data, "giveaway")["age"].severity == "note"


def test_a_text_that_says_the_label_is_warned_of_and_does_not_stop():
    said = texts() + np.where(TOLD == 1, " the patient died", " was discharged")
    rules = [rule("survived", "outcome", "healthy"), rule("death", "outcome", "sick")]
    data = study(reports(findings=said), values(), rules, {"text": ["findings"]})
    found = found_in(data, "giveaway")
    assert {finding.severity for finding in found.values()} == {"warning"}
    assert "died (100% of death, else 0%)" in found["findings: names of labels"].found
    assert "discharged (100 texts, all survived)" in found["findings: words of one class"].found
    assert "AUROC 1.00" in found["findings"].found
    assert data.score_table.query("what == 'word'")["auroc"].item() == 1


def test_outcomes_with_unknown_labels_are_scored_one_by_one():
    died = pd.Series(np.where(TOLD == 1, "Y", "N")).mask(np.arange(COUNT) % 3 == 0, "")
    table = pd.DataFrame(
        {"died": died, "icu": RNG.choice(["Y", "N", ""], COUNT), "code": np.where(TOLD == 1, "x", "y")}
    )
    data = study(reports(), table, BOTH, {"structured": ["code"]}, task="multilabel")
    assert "alone predicts died with AUROC 1.00" in found_in(data, "giveaway")["code"].found
    counts = found_in(data, "classes")["counts"].found
    assert f"{(died == 'Y').sum()} died" in counts
    assert "known" in counts


def test_gaps_that_predict_the_label_stop_where_they_are_read():
    lab = np.where(TOLD == 1, "5.0", "")
    found = found_in(
        study(reports(), values(lab=lab), reads={"structured": ["lab"]}, kinds={"lab": "number"}), "missing"
    )
    assert found["lab"].severity == "stop"
    assert "100.0% of healthy, 0.0% of sick" in found["lab"].found
    half = np.where((TOLD == 1) | (RNG.random(COUNT) < 0.4), "5.0", "")
    data = study(reports(), values(lab=half), reads={"structured": ["lab"]}, kinds={"lab": "number"})
    assert found_in(data, "missing")["lab"].severity == "warning"


def test_a_step_that_takes_more_of_one_class_and_what_was_rejected_are_reported():
    rejected = rejected_table([("image", "a.png", "is named by 2 rows; the first is used"),
                               ("image", "b.png", "is named by 3 rows; the first is used")])  # fmt: skip
    data = study(reports(), values(), rejected=rejected)
    funnel = pd.DataFrame(
        {"step": ["before", "with findings"], "count": [400, 250], "negative": [200, 190], "positive": [200, 60]}
    )
    data = replace(data, raw_tables=replace(data.raw_tables, funnel=funnel))
    found = found_in(data, "missing")
    assert found["image is named by several rows"].found.startswith("2 images left out")
    assert "healthy 200 to 190 (95%), sick 200 to 60 (30%)" in found["step with findings"].found


def test_rare_and_single_classes_and_words_of_no_class_are_reported():
    rare = pd.Series(["sick"] * 6 + ["healthy"] * 184 + ["Sick"] * 4 + ["unsure"] * 6)
    found = found_in(study(reports(), pd.DataFrame({"outcome": rare})), "classes")
    assert found["sick"].severity == "warning"
    assert "unsure (6), Sick (4)" in found["unlabelled"].found
    assert "Sick (4)" in found["spelling"].found
    data = study(reports(), values())
    healthy = replace(data, cases=data.cases[data.cases["label"] == 0].reset_index(drop=True))
    assert found_in(healthy, "classes")["one class"].severity == "stop"


def test_images_under_two_classes_stop_where_they_are_more_than_a_few():
    shown = images()
    sick, healthy = np.flatnonzero(TOLD == 1), np.flatnonzero(TOLD == 0)
    shown[sick[0]] = shown[healthy[0]]
    assert found_in(study(reports(), values(), images=shown), "duplicates")["two classes"].severity == "warning"
    shown[sick[:10]] = shown[healthy[:10]]
    found = found_in(study(reports(), values(), images=shown), "duplicates")
    assert found["two classes"].severity == "stop"
    assert "20 images (10.0%)" in found["two classes"].found


def test_copies_within_a_patient_are_a_note_and_across_patients_a_warning():
    shown = images()
    own = TOLD.argsort(kind="stable")
    shown[own[1]] = shown[own[0]]
    patients = np.array([f"P{n}" for n in range(COUNT)])
    data = study(reports(patient=patients), values(), images=shown)
    assert found_in(data, "duplicates")["same images"].severity == "warning"
    assert len(data.detail_table) == 1
    patients[own[1]] = patients[own[0]]
    data = study(reports(patient=patients), values(), images=shown)
    assert set(found_in(data, "duplicates")) == {"images in groups"}


def test_texts_that_are_nearly_those_of_another_patient_are_reported():
    said = texts()
    said[100:160] = said[:60] + " moreover"
    found = found_in(study(reports(findings=said), values(), reads={"text": ["findings"]}), "duplicates")
    assert found["near findings"].severity == "warning"
    assert "120 cases of 200" in found["near findings"].found


def test_patients_with_several_cases_and_labels_are_reported():
    found = found_in(study(reports(patient=[f"P{n // 2}" for n in range(COUNT)]), values()), "patients")
    assert "100 of 100 patients" in found["several cases"].found
    assert "several labels" in found
    assert set(found_in(study(reports(), values()), "patients")) == {"unknown"}


def test_a_study_that_parts_the_cases_of_a_patient_is_warned():
    twice = reports(patient=[f"P{n // 2}" for n in range(COUNT)])
    sound, parted = (
        found_in(study(twice, values(), group_by=group_by), "patients")["several cases"]
        for group_by in [["patient"], []]
    )
    assert (sound.severity, parted.severity) == ("note", "warning")
    assert "tested on patients of its training folds" in parted.effect
    assert "filter.group_by" in parted.remedy


@pytest.mark.parametrize(
    ("column", "known", "subject"),
    [
        ("site", np.where(TOLD == 1, "north", "south"), "site"),
        ("date", np.where(TOLD == 1, "2020-05-01", "2019-03-07"), "date"),
        ("projection", np.where(TOLD == 1, "AP", "PA"), "view"),
    ],
)
def test_a_source_that_is_the_label_stops_where_rows_read_images(column, known, subject):
    for reads, severity in [({"image": ["raw"]}, "stop"), ({}, "warning")]:
        data = study(reports(**{column: known}), values(), images=images(), reads=reads)
        assert found_in(data, "sources")[subject].severity == severity
    mixed = study(reports(**{column: RNG.permutation(known)}), values(), images=images())
    assert found_in(mixed, "sources") == {}


def test_the_size_of_an_image_may_be_the_label():
    sizes = [(512, 512) if sick else (640, 480) for sick in TOLD]
    data = study(reports(), values(), images=images(), sizes=sizes, reads={"image": ["raw"]})
    assert found_in(data, "sources")["image size"].severity == "stop"


def test_large_and_few_groups_are_reported():
    found = found_in(study(reports(patient=["P0"] * 60 + [f"P{n}" for n in range(1, 141)]), values()), "groups")
    assert "60 of 200 cases" in found["large group"].found
    assert found["large group"].severity == "warning"
    few = values().assign(outcome=["sick"] * 3 + ["healthy"] * 197)
    assert found_in(study(reports(), few), "groups")["sick"].severity == "stop"


def test_blank_inverted_tiny_and_long_images_are_reported():
    shown = images()
    shown[3], shown[7] = 0, 255 - shown[7]
    sizes = [(512, 512)] * 198 + [(40, 40), (2000, 300)]
    found = found_in(study(reports(), values(), images=shown, sizes=sizes), "images")
    named = {"blank": "case3", "inverted": "case7", "tiny": "case198", "shape": "case199"}
    assert {subject: name for subject, name in named.items() if f": {name};" in found[subject].found} == named


def test_an_image_that_a_case_lacks_is_no_odd_one():
    shown = images(COUNT)
    data = study(reports(), values(), images=shown)
    assert found_in(data, "images") == {}


def test_power_is_that_of_connor_and_counts_groups():
    assert cases_of_accuracy(0.05) == pytest.approx(468, abs=3)
    assert least_difference(cases_of_accuracy(0.05)) == pytest.approx(0.05, abs=1e-3)
    assert least_difference(3) == 1
    assert design_effect(np.array([1, 1, 1])) == 1
    assert design_effect(np.array([3, 3])) == 2
    found = found_in(study(reports(patient=[f"P{n // 4}" for n in range(COUNT)]), values()), "power")["difference"]
    assert "200 cases in 50 groups count as 80" in found.found
    assert "The verdict counts anew: for AUROC" in found.effect


@pytest.mark.parametrize("count", [1, 2, 5])
def test_studies_of_a_few_cases_are_checked_too(count):
    few = pd.DataFrame({"outcome": ["sick", "healthy", "sick", "healthy", "sick"]}).iloc[:count]
    table = pd.DataFrame({"findings": ["a b c"] * count, "patient": "P0"})
    rules = SICK if count > 1 else SICK[::-1]
    if count == 1:
        few = pd.concat([few, few.assign(outcome="healthy")], ignore_index=True)
        table = pd.concat([table, table], ignore_index=True)
    data = study(table, few.assign(age="5"), rules, {"text": ["findings"], "structured": ["age"], "image": ["raw"]},
                 {"age": "number"}, images(len(few)))  # fmt: skip
    for name in finding_names():
        found_in(data, name)
