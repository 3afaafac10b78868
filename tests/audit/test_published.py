"""`lungfuse audit` finds the faults of a published protocol in its table, without a hint."""

from pathlib import Path

import numpy as np
import pandas as pd
import published_table as published
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from lungfuse import command_line
from lungfuse.audit import model

QUICK = ["--draws", "1", "--resamples", "100"]


def audited(table: Path, out: Path, *arguments: str) -> tuple[pd.DataFrame, int]:
    """The findings by kind and subject, and the exit code."""
    try:
        command_line.app.meta(["audit", "--table", str(table), "--out", str(out), *arguments, *QUICK])
        code = 0
    except SystemExit as end:
        code = end.code
    return pd.read_csv(out / "audit.csv", keep_default_na=False).set_index(["kind", "subject"]), code


@pytest.fixture(scope="module")
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "TREES", 10)
        yield


@pytest.fixture(scope="module")
def found(few_trees, tmp_path_factory) -> tuple[pd.DataFrame, int]:
    folder = tmp_path_factory.mktemp("published")
    return audited(published.write(folder / "metadata.csv"), folder / "audit", "--split", "fold")


def test_the_made_table_has_the_faults_of_the_published_one():
    table = published.table()
    learned, tested = table[table["fold"] == "train"], table[table["fold"] == "test"]
    assert (len(table), len(tested)) == (2298, 230)
    assert tested["patient_id"].isin(learned["patient_id"]).sum() == 142
    assert tested["lesion_id"].isin(learned["lesion_id"]).sum() == 65
    malignant = table["diagnostic"].isin(published.MALIGNANT)
    assert roc_auc_score(malignant, table["biopsed"] == "True") == pytest.approx(0.895, abs=5e-4)
    assert roc_auc_score(malignant, table["smoke"] != "") == pytest.approx(0.833, abs=5e-4)


def test_patients_and_lesions_on_both_sides_are_counted_unprompted(found):
    findings, code = found
    patient, lesion = findings.loc["patient", "patient_id"], findings.loc["group", "lesion_id"]
    assert (patient["count"], patient["of"], patient["severity"]) == (142, 230, "stop")
    assert patient["found"].startswith("142 of 230 test rows (61.7%) have their patient (patient_id) in training too")
    assert (lesion["count"], lesion["of"]) == (65, 230)
    assert code == 1, "as lungfuse check ends where a finding makes a comparison meaningless"


def test_biopsed_and_the_gap_of_smoke_are_found_unprompted_with_the_classes_that_they_predict(found):
    findings, _ = found
    biopsed, smoke = findings.loc["column", "biopsed"], findings.loc["gap", "smoke"]
    assert set(biopsed["label"].split(", ")) == set(published.MALIGNANT) == set(smoke["label"].split(", "))
    assert float(biopsed["value"]) == pytest.approx(0.895, abs=2e-3)
    assert float(smoke["value"]) == pytest.approx(0.833, abs=2e-3)
    assert float(biopsed["value_low"]) < 0.895 < float(biopsed["value_high"])
    assert (biopsed["severity"], smoke["severity"]) == ("stop", "warning")
    assert "'False' (955 rows, only ACK, NEV, SEK)" in biopsed["found"]
    assert (smoke["count"], smoke["of"]) == (published.NOT_ASKED, 2298)


def test_nothing_else_of_the_table_is_taken_for_a_flaw(found):
    findings, _ = found
    flaws = findings[findings["severity"] != "note"]
    assert set(flaws.index.get_level_values(1)) == {"patient_id", "lesion_id", "biopsed", "smoke"}


def test_what_a_flaw_is_worth_has_an_interval_and_one_of_four_words(found):
    findings, _ = found
    measured = findings[findings["verdict"] != ""]
    assert {("patient", "patient_id"), ("group", "lesion_id"), ("column", "biopsed"), ("gap", "smoke")} == set(
        measured.index
    )
    limits = measured[["worth_low", "worth", "worth_high"]].astype(float).to_numpy()
    assert (np.diff(limits) >= 0).all()
    assert measured.loc["column", "biopsed"]["verdict"] == "better"
    assert float(measured.loc["column", "biopsed"]["worth_low"]) > 0.05


def test_malignant_may_be_asked_for_and_is_then_the_only_label(few_trees, tmp_path):
    table = published.write(tmp_path / "metadata.csv")
    asked = ["--split", "fold", "--label", "diagnostic", "--positive", "BCC,SCC,MEL", "--features", "age", "region"]
    findings, code = audited(table, tmp_path / "audit", *asked)
    biopsed = findings.loc["column", "biopsed"]
    assert biopsed["label"] == "BCC + SCC + MEL"
    assert float(biopsed["value"]) == pytest.approx(0.895, abs=2e-3)
    assert (biopsed["severity"], biopsed["worth"]) == ("note", ""), "no model of these features reads it"
    assert code == 1, "by its patients"


def test_real_photographs_split_by_row_are_counted_as_one_counts_by_hand(few_trees, real_data, tmp_path):
    table = pd.read_csv(real_data / "pad/metadata.csv", dtype=str, keep_default_na=False)
    learned, tested = train_test_split(np.arange(len(table)), test_size=0.1, random_state=42)
    table["split"] = np.where(np.isin(np.arange(len(table)), tested), "test", "train")
    table.to_csv(tmp_path / "pad.csv", index=False)
    findings, code = audited(tmp_path / "pad.csv", tmp_path / "audit", "--split", "split")
    both = {name: len([row for row in tested if table[name][row] in set(table[name][learned])])
            for name in ["patient_id", "lesion_id"]}  # fmt: skip
    assert both["patient_id"] > 20
    counts = {subject: count for (kind, subject), count in findings["count"].items() if kind in ("patient", "group")}
    assert counts == both
    malignant = table["diagnostic"].isin(published.MALIGNANT)
    biopsed = findings.loc["column", "biopsed"]
    assert set(biopsed["label"].split(", ")) == set(published.MALIGNANT)
    assert float(biopsed["value"]) == pytest.approx(roc_auc_score(malignant, table["biopsed"] == "True"), abs=3e-3)
    gaps = findings.loc["gap"]
    smoke = gaps[gaps.index.str.startswith("smoke, drink")].iloc[0]
    assert float(smoke["value"]) == pytest.approx(roc_auc_score(malignant, table["smoke"] != ""), abs=3e-3)
    assert code == 1
