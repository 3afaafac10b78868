"""Slices of heads with what is known of their subjects: drawn small, and real."""

import pandas as pd
import pytest
from conftest import png

from lungfuse.datasets import known_of, oasis1
from lungfuse.errors import UserError

SUBJECTS = """session,subject,sex,age,education,ses,mmse,cdr,image,dementia
OAS1_0001_MR1,OAS1_0001,F,74,2.0,3.0,29.0,0.0,OAS1_0001_MR1.png,nondemented
OAS1_0003_MR1,OAS1_0003,F,73,4.0,,27.0,0.5,OAS1_0003_MR1.png,demented
OAS1_0003_MR1,OAS1_0003,F,73,4.0,,27.0,0.5,OAS1_0003_MR1.png,demented
OAS1_0010_MR1,OAS1_0010,M,74,5.0,2.0,30.0,,OAS1_0010_MR1.png,
"""


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "cases_60plus.csv").write_text(SUBJECTS)
    for folder, names in {
        "mosaic": ["OAS1_0001_MR1.png", "OAS1_0003_MR1.png", "OAS1_0099_MR1.png"],
        "coronal": ["OAS1_0001_MR1_y-10.jpg", "OAS1_0001_MR1_y-18.jpg", "head.jpg"],
    }.items():
        (tmp_path / folder).mkdir()
        for number, name in enumerate(names):
            (tmp_path / folder / name).write_bytes(png(40 + number))
    return tmp_path


def test_a_session_has_its_mosaic_and_its_slices_and_what_is_known_of_its_subject(raw):
    found = oasis1.read_reports(raw)
    reports, views = found.reports.set_index("report_id"), found.views.set_index("image_id")
    assert reports["major"].to_dict() == {
        "OAS1_0001_MR1": "nondemented", "OAS1_0003_MR1": "demented", "OAS1_0010_MR1": ""
    }  # fmt: skip
    assert reports.loc["OAS1_0003_MR1", "patient"] == "OAS1_0003"
    assert views["view"].to_dict() == {
        "OAS1_0001_MR1": "mosaic", "OAS1_0003_MR1": "mosaic",
        "OAS1_0001_MR1_y-10": "coronal", "OAS1_0001_MR1_y-18": "coronal",
    }  # fmt: skip
    assert set(views["report_id"]["OAS1_0001_MR1_y-10":]) == {"OAS1_0001_MR1"}
    values = found.values.set_index("report_id").loc["OAS1_0003_MR1"]
    assert values.to_dict() == {"age": "73", "sex": "F", "education": "4.0", "ses": "", "mmse": "27.0"}


def test_what_cannot_be_used_is_rejected_by_name(raw):
    reasons = oasis1.read_reports(raw).rejected.set_index("id")["reason"]
    assert reasons.to_dict() == {
        "OAS1_0003_MR1": "comes twice; the first is used",
        "OAS1_0010_MR1": "has no diagnosis",
        "OAS1_0099_MR1": "is of no session in cases_60plus.csv",
        "head": "is of no session in cases_60plus.csv",
    }


def test_the_images_are_those_of_both_folders_or_of_the_one_there_is(raw):
    assert {m.stem for m in oasis1.read_images(raw)} >= set(oasis1.read_reports(raw).views["image_id"])
    for path in (raw / "coronal").iterdir():
        path.unlink()
    (raw / "coronal").rmdir()
    assert len(list(oasis1.read_images(raw))) == 3


def test_no_verdict_rests_on_the_examination_that_makes_the_diagnosis():
    known = known_of(oasis1)
    assert known["structured mmse"] == "after_outcome"
    assert {known[f"structured {name}"] for name in ["age", "sex", "education", "ses"]} == {"before_image"}


def test_a_missing_table_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"cases_60plus\.csv"):
        oasis1.read_reports(tmp_path)


def test_the_real_subjects_have_a_mosaic_and_five_slices_each(real_data):
    found = oasis1.read_reports(real_data / "dementia")
    assert found.rejected.empty
    assert found.reports["major"].value_counts().to_dict() == {"demented": 100, "nondemented": 98}
    views = found.views.merge(found.reports[["report_id", "patient"]])
    assert views.groupby("patient")["view"].value_counts().unstack().drop_duplicates().to_dict("records") == [
        {"coronal": 5, "mosaic": 1}
    ]
    gaps = found.values["ses"] == ""
    assert pd.Series(found.reports["major"])[gaps].value_counts().to_dict() == {"demented": 17, "nondemented": 1}
