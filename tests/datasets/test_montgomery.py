import numpy as np
import pytest
from PIL import Image

from lungfuse.datasets.montgomery import read_annotations, read_images, read_reports
from lungfuse.errors import UserError
from lungfuse.segment.annotated import read_annotation
from lungfuse.settings.ingest import ImageSettings

READING = "Patient's Sex: F\nPatient's Age: 033Y\nimproved cavitary right upper lobe\n"


@pytest.fixture
def raw(tmp_path):
    """Two X-rays in the original layout, the second without a right mask."""
    for folder in ["CXR_png", "ManualMask/leftMask", "ManualMask/rightMask", "ClinicalReadings"]:
        (tmp_path / folder).mkdir(parents=True)
    for name in ["MCUCXR_0001_0", "MCUCXR_0104_1"]:
        Image.new("L", (40, 40), 90).save(tmp_path / "CXR_png" / f"{name}.png")
        for side, columns in [("left", slice(5, 15)), ("right", slice(25, 35))]:
            mask = np.zeros((40, 40), bool)
            mask[10:30, columns] = True
            Image.fromarray(mask).save(tmp_path / f"ManualMask/{side}Mask" / f"{name}.png")
    (tmp_path / "ManualMask/rightMask/MCUCXR_0104_1.png").unlink()
    (tmp_path / "ClinicalReadings/MCUCXR_0104_1.txt").write_text(READING)
    return tmp_path


def test_reports_are_the_clinical_readings(raw):
    reports = read_reports(raw).reports.set_index("report_id")
    assert reports["major"].to_dict() == {"MCUCXR_0001": "normal", "MCUCXR_0104": "Tuberculosis"}
    assert reports["findings"].to_dict() == {"MCUCXR_0001": "", "MCUCXR_0104": "improved cavitary right upper lobe"}
    assert [member.stem for member in read_images(raw)] == ["MCUCXR_0001_0", "MCUCXR_0104_1"]


def test_both_lungs_make_one_mask(raw):
    whole, incomplete = read_annotations(raw)
    _, mask = read_annotation(whole, ImageSettings(image_size=40, fit="stretch"))
    assert mask.sum() == 2 * 20 * 10 and mask[20, 10] and mask[20, 30] and not mask[20, 20]
    assert incomplete.masks == []


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"CXR_png: no .png file found; expected X-rays such as MCUCXR_0001_0.png"):
        read_reports(tmp_path)


def test_a_folder_in_place_of_a_reading_is_named(raw):
    (raw / "ClinicalReadings/MCUCXR_0001_0.txt").mkdir()
    with pytest.raises(IsADirectoryError, match=r"MCUCXR_0001_0\.txt"):
        read_reports(raw)
