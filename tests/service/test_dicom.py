"""DICOM in, DICOM out."""

import io
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from lungfuse_service.predictions.images import clean_image
from lungfuse_service.predictions.structured_report import structured_report
from lungfuse_service.report_text.sentences import sentences_of


def dicom_file(syntax: str = ExplicitVRLittleEndian, **changes) -> ContentFile:
    """A grey image of 12 bits whose white is dark, of a patient with a name."""
    pixels = np.linspace(0, 4095, 60 * 80).reshape(60, 80).astype(np.uint16)
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.SOPClassUID, found.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    found.PatientName, found.PatientID = "Roe^Jane", "4711"
    found.Rows, found.Columns, found.SamplesPerPixel = 60, 80, 1
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 12, 11, 0
    found.PhotometricInterpretation, found.PixelData = "MONOCHROME1", pixels.tobytes()
    for name, value in changes.items():
        setattr(found, name, value)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, found, enforce_file_format=True)
    return ContentFile(stream.getvalue(), "x.dcm")


def test_an_image_of_dicom_keeps_its_pixels_and_loses_its_patient():
    data = clean_image(dicom_file()).read()
    image = np.asarray(Image.open(io.BytesIO(data)))
    assert image.shape == (60, 80) and image[0, 0] == 255 and image[-1, -1] == 0
    assert b"Jane" not in data and b"4711" not in data


WRONG = {
    "a size that it has not": lambda: dicom_file(Rows=600, Columns=800),
    "a huge size": lambda: dicom_file(Rows=60_000, Columns=60_000),
    "no size": lambda: dicom_file(Rows=None),
    "several images": lambda: dicom_file(NumberOfFrames=3),
    "deflated": lambda: dicom_file(DeflatedExplicitVRLittleEndian),
    "cut": lambda: ContentFile(dicom_file().read()[:400], "x.dcm"),
    "a head alone": lambda: ContentFile(bytes(128) + b"DICM", "x.dcm"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_dicom_file_is_refused(name):
    with pytest.raises(ValidationError):
        clean_image(WRONG[name]())


def test_a_result_is_a_structured_report(answered, ann, client_of):
    prediction = answered(ann)
    data = client_of(ann).get(f"{prediction.get_absolute_url()}/report.dcm").content
    report = pydicom.dcmread(io.BytesIO(data))
    texts = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert texts == [
        *(each.text for each in sentences_of(prediction.result.outcome)),
        "Research software. Not for diagnosis.",
    ]
    numbers = {
        item.ConceptNameCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
        for item in report.ContentSequence
        if item.ValueType == "NUM"
    }
    assert numbers == {"Probability of normal": 0.1384, "Probability of lung": 0.8616}
    assert report.VerificationFlag == "UNVERIFIED" and report.PatientName == ""
    again = pydicom.dcmread(io.BytesIO(structured_report(prediction)))
    assert again.SOPInstanceUID == report.SOPInstanceUID


def test_dciodvfy_accepts_a_structured_report(answered, ann, tmp_path):
    program = shutil.which("dciodvfy") or pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    (tmp_path / "report.dcm").write_bytes(structured_report(answered(ann)))
    said = subprocess.run([program, str(tmp_path / "report.dcm")], capture_output=True, text=True, timeout=60)
    lines = (said.stdout + said.stderr).splitlines()
    assert "EnhancedSR" in lines
    assert [line for line in lines if line.startswith("Error")] == []
