"""What an audit finds in tables as people have them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lungfuse.audit import model
from lungfuse.audit.command import Columns, Effort, Labels, main
from lungfuse.errors import UserError

ROWS = 240
QUICK = Effort(draws=1, resamples=100)
WORDS = [f"word{number}" for number in range(300)]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(model, "TREES", 5)


def table(**columns) -> pd.DataFrame:
    """Rows of a patient each, whose columns say nothing of the label."""
    rng = np.random.default_rng(0)
    found = {
        "patient": [f"P{number:04}" for number in rng.permutation(ROWS)],
        "age": rng.integers(20, 90, ROWS).astype(str),
        "label": np.where(np.arange(ROWS) % 2, "sick", "well"),
        "fold": rng.permutation(np.arange(ROWS) % 4).astype(str),
    }
    return pd.DataFrame(found | columns)


def audited(folder: Path, frame: pd.DataFrame, **given) -> pd.DataFrame:
    """The findings by kind and subject."""
    frame.to_csv(folder / "table.csv", index=False)
    arguments = {"table": folder / "table.csv", "split": "fold", "out": folder / "audit", "effort": QUICK} | given
    try:
        main(**arguments)
    except SystemExit as end:
        assert end.code == 1
    return pd.read_csv(folder / "audit/audit.csv", keep_default_na=False).set_index(["kind", "subject"])


def drawn_texts(count: int) -> list[str]:
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(WORDS, 30)) for _ in range(count)]


def test_a_sound_table_has_notes_alone(tmp_path):
    found = audited(tmp_path, table())
    assert set(found["severity"]) == {"note"}
    assert found.loc["patient", "patient"]["found"].startswith("0 of 240 test rows (0.0%) have their patient")


def test_constants_ids_dates_and_texts_are_distinguished(tmp_path):
    days = pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d").to_numpy()
    late = np.concatenate([days[1::2], days[::2]])  # all that are well come first
    frame = table(site="here", accession_number=np.arange(1000, 1000 + ROWS).astype(str), notes=drawn_texts(ROWS))
    frame = frame.assign(label=np.repeat(["well", "sick"], ROWS // 2), taken_date=np.sort(late))
    found = audited(tmp_path, frame)
    assert found.loc["constant", "site"]["found"] == "site is 'here' in every row, so it predicts nothing."
    date, number = found.loc["column", "taken_date"], found.loc["column", "number in accession_number"]
    assert float(date["value"]) > 0.95 and float(number["value"]) > 0.95
    assert date["severity"] == number["severity"] == "note", "no model reads a date or a number of an examination"
    assert ("column", "order of the rows") in found.index
    scores = pd.read_csv(tmp_path / "audit/audit_scores.csv").set_index(["kind", "subject"])
    assert scores.loc["text", "notes"]["auroc"] == pytest.approx(0.5, abs=0.15)


def test_a_text_that_states_the_label_and_texts_on_both_sides_are_found(tmp_path):
    texts = drawn_texts(ROWS)
    frame = table(report=texts)
    frame["report"] += np.where(frame["label"] == "sick", " with consolidation seen", " with nothing seen")
    first, second = (np.flatnonzero((frame["fold"] == fold) & (frame["label"] == "sick"))[:6] for fold in "01")
    frame.loc[second[:3], "report"] = frame.loc[first[:3], "report"].str.upper().to_numpy()
    frame.loc[second[3:], "report"] = (frame.loc[first[3:], "report"] + " today").to_numpy()
    found = audited(tmp_path, frame)
    assert found.loc["text", "report"]["severity"] == "warning"
    same, near = found.loc["same text", "report"], found.loc["near text", "report"]
    assert (same["count"], near["count"]) == (6, 6), "each of a pair is tested by a model that has the other"
    assert "6 of them one of another patient" in same["found"]
    rows = pd.read_csv(tmp_path / "audit/audit_rows.csv")
    pairs = {frozenset(pair) for pair in rows[rows["kind"] == "same text"][["row", "other"]].to_numpy().tolist()}
    assert pairs == {frozenset({a + 1, b + 1}) for a, b in zip(first[:3].tolist(), second[:3].tolist(), strict=True)}


def pictures(folder: Path, count: int) -> list[str]:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        own = gaussian_filter(rng.normal(size=(64, 64)), 4)
        pixels = (128 + 40 * own / own.std()).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"image{number}.png")
    return [f"image{number}.png" for number in range(count)]


def test_copies_of_images_on_both_sides_and_images_that_cannot_be_read_are_named(tmp_path):
    frame = table(file=pictures(tmp_path / "images", ROWS))
    zero, one = (np.flatnonzero((frame["fold"] == fold) & (frame["label"] == "sick"))[:3] for fold in "01")
    with Image.open(tmp_path / f"images/image{zero[0]}.png") as image:
        image.save(tmp_path / f"images/image{one[0]}.png")
        image.resize((80, 80)).save(tmp_path / f"images/image{one[1]}.png")
    (tmp_path / f"images/image{one[2]}.png").write_bytes(b"no image")
    (tmp_path / f"images/image{zero[2]}.png").unlink()
    found = audited(tmp_path, frame, columns=Columns(images=[tmp_path / "images"]))
    assert found.loc["same image", "file"]["count"] == 2
    assert found.loc["near image", "file"]["count"] == 1
    unreadable = found.loc["unreadable", "file"]
    assert (unreadable["severity"], unreadable["count"], unreadable["of"]) == ("warning", 2, ROWS)
    assert f"row {one[2] + 1} (image{one[2]}.png: is of no image format that is known)" in unreadable["found"]


def test_a_fold_of_one_class_stops(tmp_path):
    frame = table()
    frame.loc[frame["fold"] == "3", "label"] = "sick"
    found = audited(tmp_path, frame)
    row = found.loc["classes", "fold 3, test"]
    assert (row["severity"], row["count"]) == ("stop", 0)
    assert "The test rows of fold 3 have no row of well. It has one class alone" in row["found"]


def test_without_a_label_groups_are_counted_and_what_was_left_out_is_said(tmp_path):
    frame = table(patient=[f"P{number // 2:04}" for number in range(ROWS)]).rename(columns={"label": "colour"})
    found = audited(tmp_path, frame.assign(kind=np.where(np.arange(ROWS) % 3, "a", "b")))
    assert found.loc["patient", "patient"]["count"] > 100
    assert found.loc["label", "none"]["severity"] == "warning"
    assert "Give --label and its name" in found.loc["label", "none"]["found"]


def test_a_group_of_many_rows_may_be_a_site_and_stops_nothing(tmp_path):
    found = audited(tmp_path, table(clinic_id=np.random.default_rng(5).integers(1, 10, ROWS).astype(str)))
    clinic = found.loc["group", "clinic_id"]
    assert (clinic["severity"], clinic["count"]) == ("warning", ROWS)
    assert "may be a site or a device" in clinic["found"]


def test_patients_written_in_several_ways_are_the_same_and_empty_ones_are_not(tmp_path):
    frame = table(fold=["train", "test"] * (ROWS // 2))
    frame["patient"] = [f"{number // 2:03}" if number % 2 else f"{number // 2}.0" for number in range(ROWS)]
    frame.loc[:9, "patient"] = ""
    found = audited(tmp_path, frame, columns=Columns(patient="patient"))
    patient = found.loc["patient", "patient"]
    assert patient["count"] == ROWS // 2 - 5
    assert "10 rows name none and count as one each" in patient["found"]


def test_labels_that_do_not_exclude_each_other_are_scored_each_with_their_mean(tmp_path):
    rng = np.random.default_rng(3)
    edema, effusion = rng.integers(0, 2, ROWS), rng.integers(0, 2, ROWS)
    frame = table(edema=edema.astype(str), effusion=effusion.astype(str)).drop(columns="label")
    frame["diuretic"] = np.where(edema == 1, "yes", "no")
    found = audited(tmp_path, frame, labels=Labels(label=["edema", "effusion"]))
    assert found.loc["column", "diuretic"][["label", "severity"]].tolist() == ["edema", "stop"]
    scores = pd.read_csv(tmp_path / "audit/audit_scores.csv", keep_default_na=False).set_index(["subject", "label"])
    assert float(scores.loc[("diuretic", "edema"), "auroc"]) == 1
    assert float(scores.loc[("diuretic", ""), "auroc"]) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"split": "flod"}, "--split: found 'flod', but the table has no such column .did you mean fold"),
        ({"labels": Labels(label=["label"], positive=["sik"])}, "--positive: found 'sik', which is not in the column"),
        ({"columns": Columns(features=["agee"])}, "--features: found 'agee', but the table has no such column"),
        ({"columns": Columns(images=[Path("no/such")])}, "--images: no/such: not found"),
        ({"effort": Effort(draws=0)}, "--draws: found 0, expected 1 or more"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, given, message):
    with pytest.raises(UserError, match=message):
        audited(tmp_path, table(), **given)
