"""DICOM images are read as they are meant to be seen; what cannot be is refused by name."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGLossless, SecondaryCaptureImageStorage

from lungfuse.imaging.decode import DECODE_ERRORS, decode
from lungfuse.settings.ingest import ImageSettings

SETTINGS = ImageSettings(image_size=16, fit="stretch")
RAMP = np.tile(np.arange(16, dtype=np.uint16) * 256, (16, 1))  # black to white, 12 bits of 16


def dicom(pixels: np.ndarray = RAMP, meaning: str = "MONOCHROME2", **changes) -> bytes:
    """A DICOM file as a device writes it."""
    bits = pixels.dtype.itemsize * 8
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.Rows, made.Columns, made.SamplesPerPixel = *pixels.shape[:2], 1 if pixels.ndim == 2 else 3
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = bits, min(bits, 12), bits - 1, 0
    made.HighBit = made.BitsStored - 1
    made.PhotometricInterpretation = meaning
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(made, name, value)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, made, enforce_file_format=True)
    return stream.getvalue()


def row(data: bytes) -> list[int]:
    return decode(data, SETTINGS)[0][0].tolist()


def test_grey_is_spread_from_black_to_white():
    pixels, size = decode(dicom(), SETTINGS)
    assert pixels[0].tolist() == [17 * step for step in range(16)] and size == (16, 16)


def test_a_window_clips_what_lies_outside():
    found = row(dicom(WindowCenter=1024, WindowWidth=1024))
    assert found[:3] == [0, 0, 0] and found[7:] == [255] * 9 and 100 < found[4] < 160


def test_monochrome1_is_inverted_so_that_white_is_bright():
    assert row(dicom(meaning="MONOCHROME1")) == [255 - 17 * step for step in range(16)]


def test_colours_become_luminance_or_stay():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert set(row(dicom(red, "RGB"))) == {60}
    assert decode(dicom(red, "RGB"), SETTINGS.model_copy(update={"colour": True}))[0][0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (dicom(NumberOfFrames=3, PixelData=RAMP.tobytes() * 3), "has 3 frames; expected one image"),
        (dicom()[:-100], "cannot be read as DICOM|expected|bytes"),
        (dicom()[:200], "is DICOM without an image|cannot be read as DICOM"),
        (bytes(128) + b"DICM" + b"\1" * 50, "DICOM"),
    ],
)
def test_what_is_no_single_whole_image_is_refused(data, message):
    with pytest.raises(DECODE_ERRORS, match=message):
        decode(data, SETTINGS)


def test_a_compression_without_a_decoder_is_reported_with_what_to_install():
    made = pydicom.dcmread(io.BytesIO(dicom()))
    made.file_meta.TransferSyntaxUID, made.PixelData = JPEGLossless, encapsulate([b"\xff\xd8\xff\xd9"])
    made["PixelData"].is_undefined_length = True
    stream = io.BytesIO()
    made.save_as(stream)
    with pytest.raises(ValueError, match=r"JPEG Lossless.*; install .* pip install pylibjpeg pylibjpeg-libjpeg"):
        decode(stream.getvalue(), SETTINGS)


def test_without_pydicom_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    data = bytes(128) + b"DICM" + bytes(100)
    with pytest.raises(ValueError, match=r"needs pydicom; install it with pip install 'lungfuse\[dicom\]'"):
        decode(data, SETTINGS)


@pytest.mark.parametrize(("meaning", "value"), [("MONOCHROME2", 65535), ("MONOCHROME2", 0), ("MONOCHROME1", 0)])
def test_padding_is_black_and_does_not_stretch_the_range(meaning, value):
    ramp = RAMP // 2 + 1000
    padded = ramp.copy()
    padded[:, :3] = value
    found = row(dicom(padded, meaning, PixelPaddingValue=value, BitsStored=16, HighBit=15))
    assert found[:3] == [0, 0, 0]
    grey = found[3:] if meaning == "MONOCHROME2" else found[:2:-1]
    assert grey[0] == 0 and grey[-1] == 255 and grey == sorted(grey)


def test_signed_padding_is_black_too():
    pixels = (RAMP.astype(np.int16) // 2) - 500
    pixels[:, :4] = -2000
    found = row(dicom(pixels, PixelRepresentation=1, PixelPaddingValue=-2000, BitsStored=16, HighBit=15))
    assert found[:4] == [0] * 4 and found[4] == 0 and found[-1] == 255


@pytest.mark.parametrize("width", [0, 0.5])
def test_a_window_without_a_width_is_none(width):
    assert row(dicom(WindowCenter=1024, WindowWidth=width)) == [17 * step for step in range(16)]


@pytest.mark.parametrize(
    ("centers", "widths"),
    [(10000, 100), (-500, 100), ([10000, -500], [100, 100]), ([10000, 1024], [100, 0]), ([10000, ""], [100, ""])],
)
def test_windows_that_show_nothing_are_none(centers, widths):
    for function in ["LINEAR", "SIGMOID"]:
        data = dicom(WindowCenter=centers, WindowWidth=widths, VOILUTFunction=function)
        assert row(data) == [17 * step for step in range(16)]


def test_the_first_window_that_shows_something_counts():
    found = row(dicom(WindowCenter=[10000, 1024, 2048], WindowWidth=[100, 1024, 4096]))
    assert found == row(dicom(WindowCenter=1024, WindowWidth=1024)) != row(dicom())


def test_a_window_with_a_speck_alone_is_none():
    pixels = np.tile(RAMP, (16, 16))
    pixels[0, 0] = 10000
    assert np.median(decode(dicom(pixels, WindowCenter=10000, WindowWidth=100), SETTINGS)[0]) > 100


def table(values: list[int]) -> Sequence:
    """A table for stored values from 0 to 4095."""
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 16], values
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


def test_a_table_of_one_value_is_none():
    assert row(dicom(VOILUTSequence=table([*range(4095, -1, -1)]))) == [255 - 17 * step for step in range(16)]
    assert row(dicom(VOILUTSequence=table([7] * 4096))) == [17 * step for step in range(16)]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "RescaleSlope 0"),
        ({"ModalityLUTSequence": table([7] * 4096)}, "table of the modality"),
    ],
)
def test_a_rescaling_to_one_value_is_refused(changes, cause):
    with pytest.raises(ValueError, match=f"has one value alone after its {cause}; correct that in the file"):
        decode(dicom(**changes), SETTINGS)
    assert row(dicom(RAMP * 0, **changes)) == [0] * 16


def test_a_file_without_its_first_132_bytes_is_read():
    whole = dicom()
    assert row(whole[132:]) == [17 * step for step in range(16)]
