"""A study of eighty pairs with its tables as files."""

import numpy as np
import pandas as pd
import pytest
from small_comparison import BINARY, MODELS, WRONG

from lungfuse.compare.page import render
from lungfuse.tables.audits import Leakage, Shortcuts, Words
from lungfuse.tables.base import columns, write_table
from lungfuse.tables.comparison import Ablations, Calibration, CNNComparison, Comparison, Missing, Sites
from lungfuse.tables.ingest import SECTIONS, Funnel, Pairs, Rejected, rejected_table
from lungfuse.tables.segmentation import Segmentation
from lungfuse.tables.training import Predictions


@pytest.fixture
def tables(tmp_path, pairs, predictions, table, settings):
    """What the stages `figures` and `pages` read, by their parameters."""
    tables = tmp_path / "tables"
    said = dict.fromkeys(SECTIONS, "") | {"findings": "The lungs are clear.", "text": "The lungs are clear."}
    full = pairs.assign(image_id=pairs["pair_id"], site=np.where(pairs.index < 40, "Here", "There"), **said)
    write_table(full[columns(Pairs)], tables / "pairs.csv", Pairs)
    write_table(table, tables / "comparison.csv", Comparison)
    write_table(
        pd.DataFrame(
            {"step": ["images", "pairs"], "count": [2000, 80], "negative": [None, 40], "positive": [None, 40]}
        ),
        tables / "funnel.csv",
        Funnel,
    )
    write_table(rejected_table([("image", "P9", "is broken | twice")]), tables / "rejected.csv", Rejected)
    (tables / "data_check.md").write_text("# Data check: demo (drawn)\n\n| what | auroc |\n|---|---|\n| age | .7 |\n")
    (tables / "comparison.md").write_text(render("binary", BINARY.labels, table, full, "demo", "drawn", settings))
    for number, wrong in enumerate(WRONG):
        write_table(predictions(wrong), tables / f"{number}.csv", Predictions)
    names = ["pairs", "comparison_table", "funnel"]
    files = {name: tables / f"{name.removesuffix('_table')}.csv" for name in names}
    return files | {"predictions": [tables / f"{number}.csv" for number in range(len(MODELS))]}


@pytest.fixture
def more_tables(tables):
    """The tables that not every study has."""
    interval = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9}
    auroc = {"auroc": 0.8, "auroc_low": 0.7, "auroc_high": 0.9}
    row = {"model": "early", "images": "raw", "text": "findings", "structured": "", "row": "early", "n": 80}
    records = {
        "ablations": (Ablations, [
            row | {"change": change, "pairs": "all", "accuracy": 0.8, "accuracy_changed": 0.7, "difference": -0.1,
                   "difference_low": -0.2, "difference_high": high, "lost": 9, "gained": 1, "p": 0.01,
                   "changed": "probe", "p_corrected": 0.02}
            for change, high in [("text alone", -0.05), ("image alone", 0.05)]
        ]),
        "calibration": (Calibration, [
            {name: row[name] for name in ["model", "images", "text", "structured", "row"]}
            | {"brier_score": 0.2, "brier_probability": 0.15, "slope_score": 0.4, "slope_probability": np.nan}
        ]),
        "segmentation": (Segmentation, [
            {"segmenter": "unet-small", "source": "Montgomery", "mask": mask, "n": 9, "dice": 0.96, "dice_low": 0.95,
             "dice_high": 0.97, "iou": 0.9, "iou_low": 0.8, "iou_high": 0.95}
            for mask in ["thresholded", "clean"]
        ]),
        "cnn_comparison": (CNNComparison, [
            {"network": "vgg19", "images": images, "weights": "random", "n": 80, "p_vs_raw": np.nan,
             "epoch_accuracies": "0.5 0.6", "published_accuracies": "0.5 0.7"} | interval | auroc
            for images in ["raw", "segmented:unet-small"]
        ]),
        "leakage": (Leakage, [
            interval | {"control": 0.7, "control_low": 0.6, "control_high": 0.8}
            | {"added": 0.1, "added_low": 0.0, "added_high": 0.2}
            | {"text": "findings", "flaw": "the same patient on both sides", "kind": "flaw", "n": 80, "note": ""},
            {"text": "findings", "flaw": "all flaws together", "kind": "cumulative", "n": 80, "note": "no other view"},
        ]),
        "words": (Words, [
            auroc | {"text": "findings", "word": word, "kind": kind, "n": 40, "texts": 7, "share_negative": 0.1,
                     "share_positive": 0.5}
            for word, kind in [("hyperinflated", "telling"), ("lung", "named")]
        ]),
        "shortcuts": (Shortcuts, [interval | auroc | {"text": "findings", "reads": "number of words", "n": 80}]),
        "missing": (Missing, [
            row | interval | auroc | {"missing": missing, "positives": 40} for missing in ["", "image"]
        ]),
        "sites": (Sites, [
            row | interval | measured | {"site": site, "positives": 9, "false_positives": 1, "false_negatives": 2}
            for site, measured in [("Here", auroc), ("There", dict.fromkeys(auroc))]  # one class has no AUROC
        ]),
    }  # fmt: skip
    folder = tables["pairs"].parent
    for name, (table, rows) in records.items():
        write_table(pd.DataFrame(rows), folder / f"{name}.csv", table)
    return {"tables": [folder / f"{name}.csv" for name in records]}
