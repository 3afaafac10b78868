"""A table of cases becomes reports, images and values by a mapping, without code."""

from zipfile import ZipFile

import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from lungfuse.datasets import load_dataset
from lungfuse.datasets._table_images import image_ids
from lungfuse.errors import UserError
from lungfuse.ingest.images import write_array
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.table import TableSettings

CASES = """\
Case,Patient,File,Seen,Report,Age (y),Diagnosis,Paper,Taken
c1,p1,a.png,PA,Clear.,54,healthy,x,2020
c2,p1,b.png,L,"Two  lines
of text",?,ill,x,
c3,,,PA,,61,healthy,,2021
c4,p3,c.png,AP,Dense.,70,ill,y,2021
"""
MAPPING = {
    "file": "cases.csv", "case": "Case", "patient": "Patient", "image": "File", "images": ["images"],
    "view": "Seen", "views": {"Frontal": ["PA", "AP"]}, "texts": {"findings": "Report"}, "missing": ["?"],
    "columns": {"age": {"column": "Age (y)", "kind": "number", "unit": "years"}, "diagnosis": {"column": "Diagnosis"}},
    "group_by": ["Paper"], "date": "Taken",
}  # fmt: skip


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "images").mkdir()
    for name in ["a.png", "b.png", "c.png"]:
        (tmp_path / "images" / name).write_bytes(name.encode())
    return tmp_path


def dataset(**changes):
    return load_dataset("table", TableSettings.model_validate(MAPPING | changes))


def test_a_row_is_a_case_with_its_texts_values_and_marks(raw):
    found = dataset().read_reports(raw)
    reports = found.reports.set_index("report_id")
    assert reports["patient"].tolist() == ["p1", "p1", "", "p3"]
    assert reports["findings"].tolist() == ["Clear.", "Two lines of text", "", "Dense."]
    assert reports["apart"].tolist() == ["Paper x", "Paper x", "", "Paper y"]
    assert reports["date"].tolist() == ["2020", "", "2021", "2021"]
    assert found.values["age"].tolist() == ["54", "", "61", "70"]
    assert found.values["diagnosis"].tolist() == ["healthy", "ill", "healthy", "ill"]
    seen = found.views[["image_id", "report_id", "view"]].to_numpy().tolist()
    assert seen == [["a", "c1", "Frontal"], ["b", "c2", "L"], ["c", "c4", "Frontal"]]
    assert found.views["projection"].tolist() == ["PA", "L", "AP"], "the data check reads the word itself"
    assert found.rejected.empty


def test_images_come_under_the_ids_of_their_rows(raw):
    assert {member.stem: member.data for member in dataset().read_images(raw)} == {
        "a": b"a.png", "b": b"b.png", "c": b"c.png",
    }  # fmt: skip


def test_an_image_comes_with_the_mask_that_is_called_after_it(raw):
    with ZipFile(raw / "masks.zip", "w") as archive:
        for name in ["a", "c"]:
            archive.writestr(f"outlines/{name}_segmentation.png", f"mask of {name}")
    masked = dataset(masks=["masks.zip"], mask_suffix="_segmentation", patient=None)
    assert masked.MASK_FILES == ["cases.csv", "images", "masks.zip"]
    found = {each.image.stem: each for each in masked.read_annotations(raw)}
    assert {name: [mask.data for mask in each.masks] for name, each in found.items()} == {
        "a": [b"mask of a"], "b": [], "c": [b"mask of c"],
    }  # fmt: skip
    assert [found[name].patient for name in "abc"] == ["Paper x", "Paper x", "Paper y"], "what keeps rows together"
    assert {each.site for each in found.values()} == {"The table cases.csv"}
    by_patient = dataset(masks=["masks.zip"], mask_suffix="_segmentation").read_annotations(raw)
    assert [each.patient for each in by_patient] == ["p1", "p1", "p3"]


def test_an_image_that_is_not_there_is_reported_with_its_row_kept(raw):
    (raw / "images" / "b.png").unlink()
    assert len(dataset().read_reports(raw).views) == 3
    problems = {member.stem: member.problem for member in dataset().read_images(raw)}
    assert problems == {"a": "", "b": "no file is called 'b.png' in images", "c": ""}


def test_without_a_column_of_cases_they_are_called_by_their_image_or_row(raw):
    assert dataset(case=None).read_reports(raw).reports["report_id"].tolist() == ["a", "b", "row3", "c"]
    text_alone = dataset(case=None, image=None, images=[], view=None, views={}).read_reports(raw)
    assert text_alone.reports["report_id"].tolist() == ["row1", "row2", "row3", "row4"]
    assert text_alone.views.empty


def test_an_image_that_several_rows_name_and_a_case_that_comes_twice_are_rejected_by_name(raw):
    table = CASES.replace("b.png", "a.png").replace("c4", "c1")
    (raw / "cases.csv").write_text(table)
    found = dataset().read_reports(raw)
    assert found.rejected.to_numpy().tolist() == [
        ["image", "a", "is named by 2 rows, 1, 2; the first is used"],
        ["report", "c1", "comes 2 times in the column Case; the first is used"],
    ]
    assert found.reports["report_id"].tolist() == ["c1", "c2", "c3"]
    assert found.views["report_id"].tolist() == ["c1"]


def test_images_by_their_addresses_are_called_by_their_names():
    cells = pd.Series(["https://a.org/x/1%202.png?raw=1", "https://a.org/x/3.png#top", "C:\\in\\4.png"])
    assert image_ids(cells).tolist() == ["1 2", "3", "4"]


def test_images_of_the_same_name_in_different_folders_are_called_by_their_paths(raw):
    (raw / "cases.csv").write_text(CASES.replace("a.png", "p1/1.png").replace("b.png", "p2/1.png"))
    for folder in ["p1", "p2"]:
        (raw / "images" / folder).mkdir()
        (raw / "images" / folder / "1.png").write_bytes(folder.encode())
    found = {member.stem: member.data for member in dataset().read_images(raw)}
    assert found == {"p1__1": b"p1", "p2__1": b"p2", "c": b"c.png"}


def test_only_rows_with_the_asked_words_are_cases(raw, capsys):
    found = dataset(rows={"Seen": ["PA", "AP"]}).read_reports(raw)
    assert found.reports["report_id"].tolist() == ["c1", "c3", "c4"]
    assert "3 of 4 rows have PA or AP in Seen" in capsys.readouterr().out


def test_the_first_row_of_each_patient_can_be_all_that_is_taken(raw):
    first = {"first": {"of": "Patient", "by": "Age (y)"}}
    assert dataset(**first).read_reports(raw).reports["report_id"].tolist() == ["c1", "c3", "c4"]
    (raw / "cases.csv").write_text(CASES.replace(",54,", ",,").replace("?,ill", "50,ill"))
    assert dataset(**first).read_reports(raw).reports["report_id"].tolist() == ["c2", "c3", "c4"], "no age comes last"


def test_sentences_that_state_the_outcome_can_be_cut_from_a_text(raw):
    (raw / "cases.csv").write_text(CASES.replace("Dense.", "Dense. He DIED later; no fever. Was intubated."))
    texts = {"findings": "Report", "redacted": {"column": "Report", "redact_terms": ["died", "intubat"]}}
    reports = dataset(texts=texts).read_reports(raw).reports
    assert reports["findings"].iloc[3] == "Dense. He DIED later; no fever. Was intubated."
    assert reports["redacted"].tolist() == ["Clear.", "Two lines of text", "", "Dense. no fever."]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient": "patient"}, r"cases\.csv: no column 'patient'; found 'Case', 'Patient', .*Fix `table` of the"),
        ({"rows": {"Seen": ["CT"]}}, r"table\.rows: no row has 'CT' in 'Seen'; found 'PA' \(2\), 'L' \(1\), 'AP'"),
        ({"file": "case.csv"}, r"case\.csv: not found"),
    ],
)
def test_a_mapping_that_does_not_fit_the_table_is_reported(raw, changes, message):
    with pytest.raises(UserError, match=message):
        dataset(**changes).read_reports(raw)


EYES = """\
Patient,Left eye,Right eye,Grade
p1,1_left.png,1_right.png,0
p2,2_left.png,,1
p3,,3_right.png,2
"""
PHOTOGRAPHS = """\
Lesion,Photographs,Site
l1,"a.png; b.png",arm
l2,"['c.png']",leg
l3,,leg
"""
ROWS = """\
Exam,File,Seen,Age
e1,1.png,PA,50
e1,2.png,LL,50
e2,3.png,LL,60
e2,4.png,LL,61
"""


def named(raw, table, **mapping):
    """The images that each case has by view, and the cases."""
    (raw / "cases.csv").write_text(table)
    found = load_dataset("table", TableSettings(file="cases.csv", images=["images"], **mapping))
    read = found.read_reports(raw)
    return read.views[["report_id", "view", "image_id"]].to_numpy().tolist(), read, found.VIEWS


def test_a_case_has_an_image_of_each_of_several_columns(tmp_path):
    images, read, views = named(tmp_path, EYES, image={"left": "Left eye", "right": "Right eye"}, patient="Patient")
    assert images == [
        ["1_left", "left", "1_left"], ["1_left", "right", "1_right"], ["2_left", "left", "2_left"],
        ["3_right", "right", "3_right"],
    ]  # fmt: skip
    assert views == ["left", "right"] and len(read.reports) == 3


def test_a_case_has_the_images_of_a_cell_numbered(tmp_path):
    images, read, _ = named(tmp_path, PHOTOGRAPHS, image="Photographs", image_between=";", case="Lesion")
    assert images == [["l1", "1", "a"], ["l1", "2", "b"], ["l2", "1", "c"]]
    assert read.reports["report_id"].tolist() == ["l1", "l2", "l3"]


def test_rows_of_a_case_are_joined_with_all_their_images(tmp_path):
    joined = {"image": "File", "case": "Exam", "case_rows": "joined"}
    age = {"columns": {"age": {"column": "Age", "kind": "number"}}}
    images, read, _ = named(tmp_path, ROWS, **joined, **age)
    assert images == [["e1", "1", "1"], ["e1", "2", "2"], ["e2", "1", "3"], ["e2", "2", "4"]]
    assert read.values["age"].tolist() == ["50", "60"] and read.rejected.empty, "all else is of the first row"
    views = {"view": "Seen", "views": {"frontal": ["PA"], "lateral": ["LL"]}}
    images, read, _ = named(tmp_path, ROWS, **joined, **views)
    assert [view for _, view, _ in images] == ["frontal", "lateral", "lateral", "lateral"]
    assert read.views["projection"].tolist() == ["PA", "LL", "LL", "LL"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": []}, "image and images belong together"),
        ({"image": None, "images": [], "view": None, "views": {}, "masks": ["m"]}, "masks: are those of images"),
        ({"masks": ["/elsewhere"]}, "expected files and folders in the raw folder"),
        ({"image_between": ";"}, "view: found 'Seen', but several images of a row have the views that `image` says"),
        ({"image": {"a": "A", "b": "B"}, "image_between": ";"}, "stands between the images of a cell; name one column"),
        ({"image": {"a b": "A", "c": "B"}}, "image"),
        ({"case": None, "case_rows": "joined"}, "are joined where they name the same case"),
        ({"view": None}, "views: says what the words of a column mean"),
        ({"file": "/home/me/cases.csv"}, "in the raw folder; link or copy"),
        ({"images": ["../images"]}, "in the raw folder; link or copy"),
        ({"decimal": ",", "thousands": ","}, "thousands: found ',', which stands between decimals"),
        ({"encoding": "nosuch"}, "encoding: found 'nosuch', expected one such as utf-8 or cp1252"),
        ({"file": "cases {1}.csv"}, "in which Snakemake takes what is in braces for a wildcard; rename it"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        TableSettings.model_validate(MAPPING | changes)


def test_the_tuberculosis_x_rays_are_read_by_a_mapping(real_data, tmp_path):
    names = sorted(path.name for path in (real_data / "lung-masks/CXR_png").iterdir())
    table = pd.DataFrame({"file": names, "tuberculosis": [name[-5] for name in names]})
    table.to_csv(tmp_path / "cases.csv", index=False)
    (tmp_path / "CXR_png").symlink_to(real_data / "lung-masks/CXR_png")
    mapping = {"file": "cases.csv", "image": "file", "images": ["CXR_png"]}
    found = load_dataset("table", TableSettings.model_validate(mapping)).read_reports(tmp_path)
    assert len(found.views) == 704
    assert found.views["view"].unique().tolist() == ["any"]


def test_images_that_cannot_be_used_are_rejected_once_under_their_ids(raw, tmp_path):
    Image.new("L", (20, 20), 80).save(raw / "images" / "a.png")
    (raw / "images" / "b.png").unlink()
    settings = ImageSettings(image_size=16, fit="pad")
    found, rejected = write_array(dataset().read_images(raw), {"a", "b", "c"}, settings, tmp_path / "images.npy")
    assert [row["image_id"] for row in found] == ["a"]
    assert sorted(rejected) == [
        ("image", "b", "no file is called 'b.png' in images"),
        ("image", "c", "cannot be decoded (is of no image format that is known)"),
    ]
