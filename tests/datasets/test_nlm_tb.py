import pytest
from conftest import png

from lungfuse.datasets import nlm_tb
from lungfuse.errors import UserError


@pytest.fixture
def raw(tmp_path):
    for name in ["CHNCXR_0001_0", "CHNCXR_0327_1", "MCUCXR_0001_0", "MCUCXR_0104_1", "MCUCXR_0104_0", "chest"]:
        (tmp_path / "CXR_png").mkdir(exist_ok=True)
        (tmp_path / f"CXR_png/{name}.png").write_bytes(png())
    return tmp_path


def test_names_give_patient_hospital_and_label(raw):
    reports = nlm_tb.read_reports(raw).reports.set_index("report_id")
    assert list(reports.index) == ["CHNCXR_0001", "CHNCXR_0327", "MCUCXR_0001", "MCUCXR_0104"]
    assert list(reports["site"]) == ["Shenzhen", "Shenzhen", "Montgomery", "Montgomery"]
    assert list(reports["major"]) == ["normal", "Tuberculosis", "normal", "normal"]


def test_other_names_and_second_images_are_rejected_by_name(raw):
    rejected = nlm_tb.read_reports(raw).rejected.set_index("id")["reason"]
    assert rejected["chest"].startswith("is not named like CHNCXR_0001_0")
    assert rejected["MCUCXR_0104_1"].startswith("is a second X-ray of MCUCXR_0104")


def test_images_bear_the_ids_of_the_views(raw):
    members = {member.stem: member for member in nlm_tb.read_images(raw)}
    assert set(nlm_tb.read_reports(raw).views["image_id"]) <= set(members)
    assert members["CHNCXR_0001_0"].data == png()


def test_a_missing_folder_is_reported_with_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"CXR_png: no \.png file found.*kaggle.*chest-xray-masks"):
        nlm_tb.read_reports(tmp_path)
