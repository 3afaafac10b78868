"""A dataset with three modalities, written as one file: from its raw files to the pairs of any task."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_study import run_stage

from lungfuse import datasets
from lungfuse.errors import UserError
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import FilterSettings, ImageSettings, SplitSettings

DATASET = '''
"""Photographs of skin with notes, and what is known of the patients."""

import pandas as pd

from lungfuse.datasets import Category, Collection, Number, Source
from lungfuse.archive import read_folder
from lungfuse.tables.ingest import rejected_table

SOURCE = Source(name="Skin", page="https://example.org", citation="", licence="", biases=())
REPORT_FILES, IMAGE_FILES, DOWNLOADS, SITES = ["visits.csv"], ["photographs"], {}, {}
COLUMNS = {"age": Number("years"), "place": Category(), "diagnosis": Category(), "itches": Category()}
SECTIONS = ["history"]


def read_reports(raw):
    table = pd.read_csv(raw / "visits.csv", dtype=str, keep_default_na=False).rename(columns={"visit": "report_id"})
    empty = dict.fromkeys(["site", "major", "automatic", "comparison", "indication", "impression"], "")
    views = table[table["image_id"] != ""].assign(view="Close")
    return Collection(table.assign(**empty), views, rejected_table([]), table)


def read_images(raw):
    return read_folder(raw / "photographs", ".png", 1 << 20)
'''
CLASSES = [{"name": name, "column": "diagnosis", "positive": [name]} for name in ["naevus", "melanoma", "wart"]]
LABELS = [
    {"name": "itches", "column": "itches", "positive": ["yes"], "negative": ["no"]},
    {"name": "melanoma", "column": "diagnosis", "positive": ["melanoma"]},
]
CASES = 90


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Path:
    """The raw files of ninety visits: every sixth without a photograph, every fifth without a known itch."""
    folders = [*datasets.__path__, str(tmp_path)]
    monkeypatch.setattr(datasets, "__path__", folders)
    monkeypatch.setattr(datasets.__spec__, "submodule_search_locations", folders)
    (tmp_path / "skin.py").write_text(DATASET)
    folder, numbers = tmp_path / "raw", np.arange(CASES)
    (folder / "photographs").mkdir(parents=True)
    visits = pd.DataFrame({"visit": [f"V{n}" for n in numbers], "patient": [f"P{n // 2}" for n in numbers]})
    visits["image_id"] = [f"S{n}" if n % 6 else "" for n in numbers]
    visits["findings"] = [f"A spot, the {n}th." for n in numbers]
    visits["history"] = ["Much sun." if n % 2 else "" for n in numbers]
    visits["age"] = [str(20 + n % 60) if n % 7 else "" for n in numbers]
    visits["place"] = np.take(["arm", "leg", ""], numbers % 3)
    visits["diagnosis"] = np.take(["naevus", "melanoma", "wart", "burn"], numbers // 2 % 4)
    visits["itches"] = np.where(numbers % 5 == 0, "", np.where(numbers % 4 < 2, "yes", "no"))
    visits.to_csv(folder / "visits.csv", index=False)
    for name in visits["image_id"][visits["image_id"] != ""]:
        data = io.BytesIO()
        Image.new("RGB", (24, 20), (200, 120, 100)).save(data, "png")
        (folder / "photographs" / f"{name}.png").write_bytes(data.getvalue())
    return folder


def pairs_of(raw: Path, task: str, labels: list[dict], required: list[str] | None = None, folds: int = 3) -> Path:
    """Run the stages from raw files to folds; returns the folder of their tables."""
    out = raw.parent / "out"
    file = {name: out / f"{name}.csv" for name in FILES}
    rules = FilterSettings(labels=labels, balance="none", required=required, text_fields=["findings", "history"])
    modalities, array = ["image", "text", "structured"], ImageSettings(image_size=16, fit="pad", colour=True)
    read = {name: file[name] for name in ["reports", "views", "values", "value_columns", "rejected_reports"]}
    run_stage("reports", dataset="skin", raw=raw, **read)
    run_stage("images",
        dataset="skin", raw=raw, view="Close", images=array, views=file["views"], array=out / "images.npy",
        index=file["index"], rejected_images=file["rejected_images"],
    )  # fmt: skip
    run_stage("filter",
        task=task, modalities=modalities, view="Close", filter=rules, seed=0,
        rejected_inputs=[file["rejected_reports"], file["rejected_images"]],
        **{name: file[name] for name in ["reports", "views", "values", "index", "candidates", "funnel", "rejected"]},
    )  # fmt: skip
    run_stage("data-check",
        title="skin", notice="", task=task, filter=rules, folds=folds, reads={"image": ["raw"]}, limits=LIMITS,
        array=out / "images.npy", check_page=out / "data_check.md",
        **{name: file[name] for name in [*CHECKED, "findings", "check_scores", "check_cases"]},
    )  # fmt: skip
    run_stage("split",
        task=task, labels=[rule["name"] for rule in labels], split=SplitSettings(folds=folds, validation=0.25), seed=0,
        rejected_share=0.1, allow=["duplicates two classes"], findings=file["findings"], modalities=modalities,
        label_columns=["diagnosis", "itches"],
        **{name: file[name] for name in ["candidates", "funnel", "rejected", "values", "value_columns", *SPLIT]},
    )  # fmt: skip
    return out


SPLIT = ["pairs", "fold_table", "validation", "structured", "structured_columns"]
FILES = ["reports", "views", "values", "value_columns", "rejected_reports", "index", "rejected_images", "candidates"]
FILES += ["funnel", "rejected", "findings", "check_scores", "check_cases", *SPLIT]
CHECKED = ["candidates", "reports", "views", "values", "value_columns", "funnel", "rejected", "index"]
LIMITS = CheckLimits(leak_auroc=0.95, leak_min_share=0.05, contradicting=0.03)  # all images are the same


def test_classes_that_exclude_each_other(raw):
    out = pairs_of(raw, "multiclass", CLASSES)
    pairs = pd.read_csv(out / "pairs.csv", keep_default_na=False)
    assert list(pairs)[:8] == ["pair_id", "report_id", "image_id", "label", "text", "group", "fold", "site"]
    assert list(pairs)[-1] == "history" and "Much sun." in set(pairs["history"])
    assert set(pairs["label"]) == {0, 1, 2} and (pairs["image_id"] != "").all()
    counts = pairs.groupby(["fold", "label"]).size()
    assert len(counts) == 9 and np.ptp(counts.xs(1, level="label")) <= 2
    assert pairs.groupby("group")["fold"].nunique().max() == 1
    funnel = pd.read_csv(out / "funnel.csv").set_index("step")
    assert list(funnel) == ["count", "naevus", "melanoma", "wart"]
    assert np.load(out / "images.npy").shape == (75, 16, 16, 3)


def test_several_labels_a_pair_some_of_them_unknown_and_some_without_an_image(raw):
    out = pairs_of(raw, "multilabel", LABELS, required=["text"])
    pairs = pd.read_csv(out / "pairs.csv", dtype=str, keep_default_na=False)
    assert len(pairs) == CASES
    assert set(pairs["label_itches"]) == {"", "0", "1"} and set(pairs["label_melanoma"]) == {"0", "1"}
    without = pairs[pairs["image_id"] == ""]
    assert len(without) == 15 and (without["pair_id"] == without["report_id"]).all()
    for label in ["label_itches", "label_melanoma"]:
        counts = pairs[pairs[label] != ""].groupby(["fold", label]).size().unstack()
        assert (np.ptp(counts.to_numpy(), axis=0) <= 3).all(), label
    validation = pd.read_csv(out / "validation.csv", dtype=str).merge(pairs.drop(columns="fold"), on="pair_id")
    assert (validation.groupby("fold")[["label_melanoma"]].nunique() == 2).all(axis=None)


def test_structured_values_stand_beside_the_pairs_without_what_labels_are_read_from(raw):
    out = pairs_of(raw, "multilabel", LABELS, required=["text"])
    table = pd.read_csv(out / "structured.csv", dtype=str, keep_default_na=False)
    pairs = pd.read_csv(out / "pairs.csv", dtype=str)
    assert list(table) == ["pair_id", "age", "place"] and list(table["pair_id"]) == list(pairs["pair_id"])
    of_report = table.set_index(pairs["report_id"])
    assert of_report.loc["V1"].tolist() == ["S1", "21.0", "leg"]
    assert of_report.loc["V0", "age"] == "" and of_report.loc["V2", "place"] == ""
    assert (out / "structured_columns.csv").read_text().splitlines() == [
        "name,kind,unit", "age,number,years", "place,category,",
    ]  # fmt: skip


def test_a_label_with_too_few_groups_is_named(raw):
    with pytest.raises(UserError, match=r"the label melanoma, where it is 1, has 11 groups .* is 13\. With this label"):
        pairs_of(raw, "multilabel", LABELS, folds=13)
    with pytest.raises(UserError, match=r"funnel\.csv: class 1, melanoma, has \d+ groups of pairs, fewer than"):
        pairs_of(raw, "multiclass", CLASSES, folds=13)


def test_a_value_that_is_no_number_stops_with_its_column_and_report(raw):
    visits = pd.read_csv(raw / "visits.csv", dtype=str, keep_default_na=False)
    visits.loc[4, "age"] = "24y"
    visits.to_csv(raw / "visits.csv", index=False)
    with pytest.raises(UserError, match=r"dataset skin, the table Values .* column age, report V4: found '24y'"):
        pairs_of(raw, "multiclass", CLASSES)
