"""Drawn patients, so that it is known what each flaw adds."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.analyses.leakage import compute
from lungfuse.compare.leakage import FLAWS, Rows, exchange
from lungfuse.settings.comparison import Intervals, LeakageSettings
from lungfuse.statistics.splits import stratified_folds
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import SECTIONS, Pairs, Reports, Views

PATIENT, LATERAL, EPOCH, ALL, SHARED = (flaw.name for flaw in FLAWS)


@pytest.fixture
def audit(tmp_path):
    """Audit patients of two frontal images each, with a lateral view; their labels and findings are given."""

    def run(labels, findings, pairs_a_patient: int = 2, folds: int = 4) -> pd.DataFrame:
        patients = pd.DataFrame({"label": labels, "findings": findings, "text": findings})
        patients["report_id"] = patients["patient"] = [f"R{number}" for number in range(len(patients))]
        patients = patients.assign(**dict.fromkeys(set(SECTIONS) - {"findings"}, ""), site="", major="", automatic="")
        pairs = pd.concat([patients.assign(image_id=f"{patients['report_id']}_{n}") for n in range(pairs_a_patient)])
        pairs["image_id"] = pairs["pair_id"] = (
            pairs["report_id"] + "_" + pairs.groupby("report_id").cumcount().astype(str)
        )
        lateral = patients[["report_id"]].assign(image_id=patients["report_id"] + "_lateral", view="Lateral")
        files = {name: tmp_path / f"{name}.csv" for name in ["pairs", "views", "reports"]}
        write_table(pairs.assign(group=0, fold=0), files["pairs"], Pairs)
        write_table(pd.concat([pairs.assign(view="Frontal"), lateral]), files["views"], Views)
        write_table(patients, files["reports"], Reports)
        settings = LeakageSettings(sections=["findings"], draws=4, epochs=3)
        intervals = Intervals(confidence=0.95, resamples=500)
        return compute(**files, leakage=settings, intervals=intervals, folds=folds, seed=0).set_index("flaw")

    return run


def test_a_report_on_both_sides_is_found_where_it_predicts_its_own_label_and_no_other(audit):
    labels = np.random.default_rng(0).integers(0, 2, 100)
    table = audit(labels, [f"seen before as case{n}" for n in range(100)])
    assert (table["n"] == 200).all(), "lateral views are learned from, not scored"
    for flaw in [PATIENT, LATERAL, ALL]:
        assert 0.3 < table.loc[flaw, "control"] < 0.7
        assert table.loc[flaw, "added_low"] > 0.1, flaw
    assert table.loc[SHARED, "added"] == pytest.approx(0, abs=0.05), "no text is shared"
    assert dict(table["kind"]) == {
        PATIENT: "flaw",
        LATERAL: "flaw",
        EPOCH: "flaw",
        ALL: "cumulative",
        SHARED: "shared text",
    }


def test_flaws_add_nothing_where_patients_say_one_of_a_few_phrases(audit):
    """The phrases predict the label of other patients as well as of their own: real signal, no leak."""
    rng = np.random.default_rng(1)
    phrase = rng.integers(0, 10, 150)
    labels = (rng.random(150) < np.where(phrase < 5, 0.2, 0.8)).astype(int)
    table = audit(labels, [f"{'abcdefghij'[n]}{n} pain" for n in phrase])
    assert table.loc[PATIENT, "control"] > 0.7
    for flaw in [PATIENT, LATERAL]:
        assert table.loc[flaw, "added_low"] <= 0 <= table.loc[flaw, "added_high"], table.loc[flaw]


def test_a_text_of_more_pairs_than_a_fold_is_refused_with_the_reason(audit):
    labels = np.arange(80) % 2
    table = audit(labels, ["nothing to see" if n < 50 else f"case{n} here" for n in range(80)])
    assert "100 pairs of the same text are more than a fold of 40" in table.loc[SHARED, "note"]
    assert np.isnan(table.loc[SHARED, "added"])
    assert (table["note"].drop(SHARED) == "").all() and table["added"].drop(SHARED).notna().all()


def test_what_a_study_does_not_have_is_no_flaw_of_it(audit):
    table = audit(np.arange(40) % 2, [f"case{n} here" for n in range(40)], pairs_a_patient=1)
    assert table.loc[PATIENT, "note"] == "no patient has two pairs"
    assert (audit(np.arange(40) % 2, [""] * 40)["note"] == "no pair has a word in this section").all()


def test_two_folds_leave_none_to_choose_an_epoch_by(audit):
    table = audit(np.arange(40) % 2, [f"case{n} here" for n in range(40)], folds=2)
    refused = table.index[table["note"] != ""]
    assert list(refused) == [EPOCH, ALL] and "third fold" in table.loc[EPOCH, "note"]


def test_the_best_epoch_by_the_test_part_is_never_worse_than_that_by_another_fold(audit):
    table = audit(np.random.default_rng(0).integers(0, 2, 60), [f"case{n} word{n % 7}" for n in range(60)])
    assert table.loc[EPOCH, "added"] > 0


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_folds_with_a_flaw_have_the_sizes_and_classes_of_their_control(flaw):
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(0, 60, 200))
    labels, scored = rng.integers(0, 2, 60)[patient], rng.random(200) < 0.6
    rows = Rows(np.zeros((200, 1)), labels, scored, {"patient": patient, "patient or text": patient // 4})
    control = stratified_folds(labels, rows.apart[flaw.apart], 4, seed=0)
    flawed = exchange(flaw, control, rows, rng)
    kinds = pd.DataFrame({"label": labels, "scored": scored})
    counts = [kinds.groupby([fold, "label", "scored"]).size() for fold in (control, flawed)]
    assert counts[0].equals(counts[1])
    assert (control == flawed).all() == (not flaw.exchanged)
