"""A result as DICOM: an Enhanced SR, PS3.3 A.35.2, with the sentences, the probabilities, and that it is no diagnosis.

Nothing is known of the patient or the study, so these are empty: who files it fills them in.
"""

import io

import pydicom
from django.utils import timezone
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian, generate_uid

from lungfuse_service.predictions.models import Prediction
from lungfuse_service.predictions.record import NOT_FOR_DIAGNOSIS
from lungfuse_service.report_text.sentences import sentences_of

REPORT, FINDING, COMMENT = (
    ("18748-4", "LN", "Diagnostic imaging report"),
    ("121071", "DCM", "Finding"),
    ("121106", "DCM", "Comment"),
)
OWN_CODES = "99LUNGFUSE"
UNIT = ("1", "UCUM", "no units")
MOST_LETTERS = 64  # of a value of type LO


def structured_report(prediction: Prediction) -> bytes:
    """The result of a prediction as a DICOM file; the same prediction gives the same UIDs."""
    report = _document(prediction)
    outcome = prediction.result.outcome
    content = [_text(FINDING, sentence.text) for sentence in sentences_of(outcome)]
    content += [
        _number(" ".join(filter(None, ["Probability of", each["name"]])), each["probability"])
        for question in outcome["questions"]
        for each in question["classes"]
    ]
    report.ContentSequence = [*content, _text(COMMENT, NOT_FOR_DIAGNOSIS)]
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, report, enforce_file_format=True)
    return stream.getvalue()


def _document(prediction: Prediction) -> Dataset:
    made = timezone.localtime(prediction.result.made)
    uids = {name: generate_uid(entropy_srcs=[str(prediction.id), name]) for name in ["study", "series", "instance"]}
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID = EnhancedSRStorage, uids["instance"]
    report.StudyInstanceUID, report.SeriesInstanceUID = uids["study"], uids["series"]
    report.SpecificCharacterSet = "ISO_IR 192"
    for empty in ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"]:
        setattr(report, empty, "")
    report.ReferringPhysicianName = ""
    report.StudyDate = report.SeriesDate = report.ContentDate = made.strftime("%Y%m%d")
    report.StudyTime = report.SeriesTime = report.ContentTime = made.strftime("%H%M%S")
    report.Modality, report.SeriesNumber, report.InstanceNumber = "SR", 1, 1
    report.ReferencedPerformedProcedureStepSequence = report.PerformedProcedureCodeSequence = []
    report.Manufacturer, report.ManufacturerModelName = "lungfuse", str(prediction.model)[:MOST_LETTERS]
    report.SoftwareVersions = prediction.model.sha256[:MOST_LETTERS]
    report.DeviceSerialNumber = "none"
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.CompletionFlagDescription = NOT_FOR_DIAGNOSIS
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code(*REPORT)]
    return report


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning[:MOST_LETTERS]
    return code


def _item(kind: str, name: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = "CONTAINS", kind, [_code(*name)]
    return item


def _text(name: tuple[str, str, str], text: str) -> Dataset:
    item = _item("TEXT", name)
    item.TextValue = text
    return item


def _number(name: str, share: float) -> Dataset:
    item, value = _item("NUM", ("probability", OWN_CODES, name)), Dataset()
    value.NumericValue, value.MeasurementUnitsCodeSequence = f"{share:g}", [_code(*UNIT)]
    item.MeasuredValueSequence = [value]
    return item
