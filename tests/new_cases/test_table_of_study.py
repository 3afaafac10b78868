"""The very table of a study is read by the mapping that a trained model keeps: headings, units, words and classes."""

import numpy as np
import pandas as pd
import pytest

from lungfuse.errors import UserError
from lungfuse.new_cases.given import read_written
from lungfuse.new_cases.truth import read_truth
from lungfuse.settings.table import ClassWords, ReadColumn, TableReading
from lungfuse.tasks.binary import Task
from lungfuse.tasks.multilabel import Task as ManyLabels

READING = TableReading(
    separator=";", encoding="cp1252", decimal=",", thousands=".", missing=["k.A."],
    case="Fall", patient="Patient", text="Anamnese",
    columns={
        "alter": ReadColumn(column="Alter", kind="number", form="age", missing=["999Y"]),
        "crp": ReadColumn(column="CRP (mg/l)", kind="number"),
    },
)  # fmt: skip
ROWS = ["F1;P1;Husten;070Y;1.517,5;HER2+", "F2;P2;k.A.;999Y;376;HER2-", "F3;P2;Sturz;006M;k.A.;HER2+"]


def written(tmp_path, rows=ROWS, encoding="cp1252"):
    path = tmp_path / "cases.csv"
    path.write_bytes("\n".join(["Fall;Patient;Anamnese;Alter;CRP (mg/l);Größe", *rows]).encode(encoding))
    return read_written(path, READING)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_headings_units_thousands_and_words_are_those_of_the_study(tmp_path, encoding):
    found = written(tmp_path, encoding=encoding)
    assert found[["id", "patient", "text", "alter", "crp"]].to_numpy().tolist() == [
        ["F1", "P1", "Husten", "70", "1517.5"], ["F2", "P2", "", "", "376"], ["F3", "P2", "Sturz", "0.5", ""],
    ]  # fmt: skip


CLASSES = {
    "her2-minus": ClassWords(column="Größe", positive=["HER2-"]),
    "her2-plus": ClassWords(column="Größe", positive=["HER2+"])
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["HER2+", "HER2-", "HER2+"], [1, 0, 1]),
        (["her2-plus", "her2-minus", ""], [1, 0, np.nan]),
        (["yes", "no", "?"], [1, 0, np.nan]),
    ],
)
def test_the_truth_is_read_by_the_words_of_the_table(tmp_path, words, known):
    cases = written(tmp_path).assign(Größe=words)
    found = read_truth(cases, "Größe", Task([*CLASSES]), tmp_path / "cases.csv", CLASSES)
    np.testing.assert_array_equal(found["label"].astype(float), known)
    assert found["group"].tolist() == ["P1", "P2", "P2"]


def test_one_and_minus_one_are_not_scored_the_wrong_way_round(tmp_path):
    classes = {"no-ill": ClassWords(column="ill", positive=["-1"]), "ill": ClassWords(column="ill", positive=["1"])}
    for words in (["1", "-1", "1"], ["1", "0", "1"]):
        found = read_truth(written(tmp_path).assign(ill=words), "ill", Task([*classes]), tmp_path, classes)
        assert found["label"].tolist() == [1, 0, 1]
    with pytest.raises(UserError, match=r"found 'both'.*expected no-ill, ill, 0, 1"):
        read_truth(written(tmp_path).assign(ill=["1", "-1", "both"]), "ill", Task([*classes]), tmp_path, classes)


def test_several_labels_of_one_column_are_read_from_it(tmp_path):
    classes = {name: ClassWords(column="found", positive=[name.title()], between="|") for name in ("mass", "edema")}
    cases = pd.DataFrame({"id": ["a", "b", "c"], "found": ["Mass|Edema", "No Finding", "Edema"]})
    found = read_truth(cases, "found", ManyLabels([*classes]), tmp_path, classes)
    assert found[["label_mass", "label_edema"]].astype(float).to_numpy().tolist() == [[1, 1], [0, 0], [0, 1]]


def images(tmp_path, table, **mapping):
    (tmp_path / "cases.csv").write_text(table)
    found = read_written(tmp_path / "cases.csv", TableReading(**mapping)).set_index("id")
    return found[sorted(name for name in found if name.startswith("image_"))]


def test_the_images_of_a_case_are_read_from_where_the_study_had_them(tmp_path):
    left, right = "Links,Rechts,Id\na.png,b.png,f1\nc.png,,f2\n", {"left": "Links", "right": "Rechts"}
    of_columns = images(tmp_path, left, image=right, case="Id")
    cells = "Bilder,Id\na.png;b.png,f1\nc.png,f2\n"
    of_cells = images(tmp_path, cells, image="Bilder", image_between=";", case="Id")
    rows = "Bild,Seite,Id\na.png,L,f1\nb.png,R,f1\nc.png,L,f2\n"
    joined = {"image": "Bild", "case": "Id", "case_rows": "joined"}
    views = {"view": "Seite", "views": {"left": ["L"], "right": ["R"]}}
    for found in [of_columns, of_cells, images(tmp_path, rows, **joined), images(tmp_path, rows, **joined, **views)]:
        assert found.index.tolist() == ["f1", "f2"]
        assert found.to_numpy().tolist() == [["a.png", "b.png"], ["c.png", ""]]
    assert list(of_columns) == ["image_left", "image_right"] and list(of_cells) == ["image_1", "image_2"]
