"""The published zip of brain slices, drawn small, unpacked, and the real one."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import png

from lungfuse.datasets import brain_tumor_mri
from lungfuse.errors import UserError
from lungfuse.ingest.alike import ImageArray
from lungfuse.ingest.groups import group_pairs
from lungfuse.ingest.images import write_array

PUBLISHED = {
    "Training/glioma/Tr-gl_0010.jpg": "glioma",
    "Training/notumor/Tr-no_0010.jpg": "notumor",
    "Testing/glioma/Te-gl_0010.jpg": "glioma",
    "Testing/pituitary/Te-pi_0010.jpg": "pituitary",
}


def write_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, png(40 + number))


@pytest.fixture
def raw(tmp_path):
    write_zip(tmp_path / "brain-tumor-mri-dataset.zip", PUBLISHED)
    return tmp_path


def test_folders_give_the_class_and_the_side_of_the_published_split(raw):
    found = brain_tumor_mri.read_reports(raw)
    reports = found.reports.set_index("report_id")
    assert reports["major"].to_dict() == {path.split("/")[-1][:-4]: label for path, label in PUBLISHED.items()}
    assert found.values.set_index("report_id")["published_split"].to_dict() == {
        "Tr-gl_0010": "train", "Tr-no_0010": "train", "Te-gl_0010": "test", "Te-pi_0010": "test"
    }  # fmt: skip
    assert set(reports["patient"]) == {""}, "nobody is named"
    assert found.rejected.empty


def test_images_bear_the_ids_of_the_views_whether_the_zip_is_unpacked_or_not(raw, tmp_path_factory):
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(raw / "brain-tumor-mri-dataset.zip") as archive:
        archive.extractall(unpacked)
    assert brain_tumor_mri.image_files(unpacked) == ["Training", "Testing"]
    of_zip, of_folders = ({m.stem: m.data for m in brain_tumor_mri.read_images(each)} for each in (raw, unpacked))
    assert of_zip == of_folders
    assert set(of_zip) == set(brain_tumor_mri.read_reports(unpacked).views["image_id"])


def test_a_download_of_the_browser_is_read_too(tmp_path):
    write_zip(tmp_path / "archive.zip", PUBLISHED)
    assert len(brain_tumor_mri.read_reports(tmp_path).reports) == 4


def test_other_folders_and_second_names_are_rejected_by_name(raw):
    write_zip(
        raw / "brain-tumor-mri-dataset.zip",
        [*PUBLISHED, "Training/abscess/x.jpg", "Training/pituitary/Te-gl_0010.jpg", "Training/readme.jpg"],
    )
    found = brain_tumor_mri.read_reports(raw)
    reasons = found.rejected.set_index("id")["reason"]
    assert reasons["Training/abscess/x"].startswith("is in none of the folders glioma, meningioma")
    assert reasons["Te-gl_0010"] == "has the name of an image before; the first is used"
    assert reasons["/Training/readme"].startswith("is in none of the folders")
    assert [member.stem for member in brain_tumor_mri.read_images(raw)] == list(found.views["image_id"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "brain-tumor-mri-dataset.zip: not found.*can be had from https://www.kaggle.com"),
        (["brats/a.jpg"], "no image found in Training/ or Testing/ and a folder glioma, .* Put brain-tumor-mri"),
    ],
)
def test_what_is_not_there_is_reported_with_where_to_get_it(tmp_path, names, message):
    if names:
        write_zip(tmp_path / "archive.zip", names)
    with pytest.raises(UserError, match=message):
        brain_tumor_mri.read_reports(tmp_path)


def test_most_of_the_published_testing_folder_looks_like_a_slice_to_learn_from(real_data, tmp_path, studies):
    raw, study = real_data / "brain", studies["brain"]
    found = brain_tumor_mri.read_reports(raw)
    images = brain_tumor_mri.read_images(raw)
    index, rejected = write_array(images, set(found.views["image_id"]), study.images, tmp_path / "images.npy")
    assert not rejected and found.rejected.empty
    pairs = found.reports.assign(side=found.values["published_split"], text="", patient=found.reports["report_id"])
    alike = ImageArray(tmp_path / "images.npy", pd.DataFrame(index)).alike(pairs, study.filter.likeness)
    pairs = pairs.assign(group=group_pairs(pairs, study.filter.group_by, alike))
    of_group = pairs.groupby("group")
    assert of_group.size().max() < 0.01 * len(pairs)
    assert (of_group["major"].nunique() > 1).sum() < 0.01 * pairs["group"].nunique(), "what is joined is of one class"
    shared = pairs["group"].isin(pairs["group"][pairs["side"] == "train"])
    assert shared[pairs["side"] == "test"].mean() == pytest.approx(0.81, abs=0.03)
    assert np.median(of_group.size()) <= 2
