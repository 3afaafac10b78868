"""Rows that name an image which another row names, words taken for missing, and image names that fit several files."""

from pathlib import Path

import numpy as np
import pytest
from odd_tables import cases, draw, init, new_place

from lungfuse.errors import UserError

HERE = Path("in")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(new_place(tmp_path / "project"))
    HERE.mkdir()


def made(table, **options):
    table.to_csv(HERE / "cases.csv", index=False)
    return init(HERE / "cases.csv", [HERE / "img"], **options)


def test_rows_that_name_an_image_again_are_counted_with_what_they_contradict(capsys):
    table = cases(80).assign(file=[f"x{each % 60}.png" for each in range(80)])
    table["diagnosis"] = np.where(np.arange(80) < 60, table["diagnosis"], table["diagnosis"][:20].tolist() * 4)
    table.loc[60:64, "diagnosis"] = [
        "healthy" if word == "pneumonia" else "pneumonia" for word in table["diagnosis"][:5]
    ]
    draw(HERE / "img", {*table["file"]})
    made(table)
    said = capsys.readouterr().out
    assert "20 are left out: 20 name an image that another row names" in said
    assert "20 rows of the table name an image that a row above names" in said
    assert "5 of them say otherwise in diagnosis" in said and "one row for each image" in said


def test_classes_of_second_rows_alone_are_refused_with_what_to_do():
    table = cases(120).assign(file=[f"x{each // 2}.png" for each in range(120)])
    table["diagnosis"] = ["effusion" if each % 2 == 0 else ["mass", "nodule"][each // 2 % 2] for each in range(120)]
    draw(HERE / "img", {*table["file"]})
    said = (
        r"'mass', 'nodule' stand only in rows that name an image which a row above names \(60 of 120 rows"
        r".*one row for each image, with its words in one cell, as in effusion\|"
    )
    with pytest.raises(UserError, match=said):
        made(table)


def test_words_taken_for_missing_are_named_where_rows_are_left_out(capsys):
    table = cases()
    table.loc[:9, "diagnosis"] = ["", "unknown", *8 * ["-"]]
    draw(HERE / "img", table["file"])
    made(table)
    assert "10 have no label that is known (empty, '-' or 'unknown' 10)" in capsys.readouterr().out


def test_names_that_fit_several_files_are_named():
    draw(HERE / "img", [f"{part}/{name}" for part in ("train", "test") for name in cases()["file"]])
    with pytest.raises(UserError, match=r"60 of 60 names in the column file of cases\.csv fit several files.*such as "
                       r"x000\.png: .*img/test/x000\.png.*as in test/x000\.png"):  # fmt: skip
        made(cases())
