"""A study reads cases that were confirmed later beside its own, whose folds stay."""

import numpy as np
import pandas as pd
import pytest
from conftest import png

from lungfuse.added_cases import CASES, IMAGES, read_added, with_added, write_added
from lungfuse.datasets import image_files, load_dataset, report_files
from lungfuse.errors import UserError
from lungfuse.ingest.kept_split import kept_split
from lungfuse.ingest.split import draw
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.table import TableColumn, TableSettings
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import SECTIONS, Folds, Validation
from lungfuse.tasks import load_task

TASK, SPLIT = load_task("binary", ["normal", "lung"]), SplitSettings(folds=3, validation=0.2, repeats=2)
ADDED = {"report_id": "new1", "patient": "p7", "image_id": "new1", "view": "any", "major": "",
         "text.findings": "Hyperexpanded.", "value.age": "61", "value.outcome": "lung"}  # fmt: skip


@pytest.fixture
def raw(tmp_path):
    """The raw files of a table of two cases, and a confirmed one with an image."""
    table = {"id": ["a", "b"], "patient": ["p7", "p8"], "file": ["a.png", "b.png"], "said": ["Clear.", "Low."]}
    table |= {"age": ["40", "50"], "outcome": ["normal", "lung"]}
    pd.DataFrame(table).to_csv(tmp_path / "cases.csv", index=False)
    for folder, names in {"images": "ab", "added/images": ["new1"]}.items():
        (tmp_path / folder).mkdir(parents=True)
        for number, name in enumerate(names):
            (tmp_path / folder / f"{name}.png").write_bytes(png(40 + number))
    write_added(pd.DataFrame([ADDED]), tmp_path / "added" / CASES)
    return tmp_path


@pytest.fixture
def dataset():
    columns = {"age": TableColumn(column="age", kind="number"), "outcome": TableColumn(column="outcome")}
    table = TableSettings(
        file="cases.csv", case="id", patient="patient", image="file", images=["images"],
        texts={"findings": "said"}, columns=columns,
    )  # fmt: skip
    return load_dataset("table", table)


def test_confirmed_cases_are_read_behind_the_study_s_own(raw, dataset):
    both = with_added(dataset, "added")
    assert both.COLUMNS is dataset.COLUMNS and with_added(dataset, None) is dataset
    assert report_files(both, raw) == ["cases.csv", f"added/{CASES}"]
    assert image_files(both, raw) == ["images", f"added/{IMAGES}"]
    found = both.read_reports(raw)
    assert list(found.reports["report_id"]) == ["a", "b", "new1"]
    new = found.reports.iloc[2]
    assert (new["patient"], new["findings"], new["impression"]) == ("p7", "Hyperexpanded.", "")
    assert found.values.iloc[2].to_dict() == {"report_id": "new1", "age": "61", "outcome": "lung"}
    assert found.views.iloc[2].to_dict() == {"image_id": "new1", "report_id": "new1", "view": "any"}
    assert [each.stem for each in both.read_images(raw)] == ["a", "b", "new1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"report_id": "a"}, "found the case a, which is in the dataset"),
        ({"value.crp": "3"}, "found the column value.crp"),
    ],
)
def test_a_table_that_does_not_fit_the_dataset_is_refused(raw, dataset, change, said):
    write_added(pd.DataFrame([ADDED | change]), raw / "added" / CASES)
    with pytest.raises(UserError, match=said):
        with_added(dataset, "added").read_reports(raw)


def test_a_damaged_table_is_named(raw):
    (raw / "added" / CASES).write_text("report_id,patient\nx,y\n")
    with pytest.raises(UserError, match="no column image_id"):
        read_added(raw / "added" / CASES)


def candidates(count: int, start: int = 0, group: int = 0) -> pd.DataFrame:
    """Pairs of two a group."""
    number = np.arange(count)
    table = pd.DataFrame({"pair_id": [f"pair{n + start}" for n in number], "label": number // 2 % 2})
    table = table.assign(group=number // 2 + group, **dict.fromkeys(["site", "text", *SECTIONS], ""))
    return table.assign(report_id=table["pair_id"], image_id="", label=table["label"].astype("Int64"))


@pytest.fixture
def kept(tmp_path):
    """A study of 60 pairs, drawn in two repeats, and the files of its folds."""
    drawn = draw(candidates(60), SPLIT, 0, TASK)
    files = (tmp_path / "folds.csv", tmp_path / "validation.csv")
    write_table(drawn.folds, files[0], Folds)
    write_table(drawn.validation, files[1], Validation)
    return drawn, files


def test_the_study_keeps_its_folds_and_added_pairs_follow_their_groups(kept):
    drawn, files = kept
    known, strangers = candidates(2, 60, group=5), candidates(30, 62, group=100)
    found = kept_split(pd.concat([candidates(60), known, strangers], ignore_index=True), files, SPLIT, 0, TASK)
    for repeat in range(2):
        before, after = (each.of_repeat(repeat) for each in (drawn, found))
        fold = after[0].set_index("pair_id")["fold"]
        assert (fold.loc[before[0]["pair_id"]].to_numpy() == before[0]["fold"].to_numpy()).all()
        assert set(fold.loc[known["pair_id"]]) == {fold.loc["pair10"]}
        assert after[0].groupby("group")["fold"].nunique().max() == 1
        assert set(fold.loc[strangers["pair_id"]].value_counts()) == {10}
        validated = {(row.fold, row.pair_id) for row in after[1].itertuples()}
        own = {(row.fold, row.pair_id) for row in before[1].itertuples()}
        assert own <= validated
        assert {pair for _, pair in validated - own} <= set(known["pair_id"])
        assert ({fold for fold, pair in validated if pair == "pair60"}
                == {fold for fold, pair in own if pair == "pair10"})  # fmt: skip


def test_an_added_pair_that_joins_two_folds_is_named(kept):
    drawn, files = kept
    fold = drawn.pairs.set_index("pair_id")["fold"]
    other = next(n for n in range(60) if fold[f"pair{n}"] != fold["pair10"])
    table = pd.concat([candidates(60), candidates(1, 60, group=5)], ignore_index=True)
    table.loc[table["pair_id"] == f"pair{other}", "group"] = 5
    with pytest.raises(UserError, match="pair60 joins cases of the study that are in different folds"):
        kept_split(table, files, SPLIT, 0, TASK)


def test_a_case_of_the_study_that_is_gone_is_named(kept):
    with pytest.raises(UserError, match="1 cases are in the study no more, such as pair0"):
        kept_split(candidates(60)[1:], kept[1], SPLIT, 0, TASK)
