"""Image files that a user names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from lungfuse.errors import UserError
from lungfuse.image_lookup import SUFFIXES
from lungfuse.imaging.decode import DECODE_ERRORS, decode
from lungfuse.imaging.dicom import is_dicom
from lungfuse.settings.ingest import ImageSettings
from lungfuse.words import counted, listed

SHOWN = 5


class UnreadableImageError(UserError):
    """A file is no image that can be read; the message names it and says why."""


class UnreadableImagesError(UserError):
    """Some of many files are no images that can be read; the message names them and says why."""


def read_image(path: Path, settings: ImageSettings) -> tuple[np.ndarray, tuple[int, int]]:
    """The pixels of an image file and its (width, height), see `lungfuse.ingest.images.decode`.

    Raises:
        UnreadableImageError: it cannot be read.
    """
    with _telling(path):
        return decode(path.read_bytes(), settings)


def check_image(path: Path) -> None:
    """See that a file begins like an image.

    Raises:
        UnreadableImageError: it does not.
    """
    with _telling(path), path.open("rb") as stream:
        if not is_dicom(stream.read(132)):
            Image.open(path).close()


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder, by their names; DICOM files often have no suffix. What is left out is printed.

    Raises:
        UserError: there are none.
    """
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files, folders = [path for path in found if path.is_file()], [path.name for path in found if path.is_dir()]
    images = [path for path in files if path.suffix.lower() in SUFFIXES | {""}]
    if others := [path.name for path in files if path not in images]:
        print(f"{folder}: left out {counted(len(others), 'file')} without a suffix of images: {listed(others)}")
    count, names = counted(len(folders), "folder"), f"{listed(folders)}. Name it to read its images"
    if not images:
        holds = f" It holds {count}: {names}." if folders else ""
        raise UserError(f"{folder}: no image found; expected files that end in {', '.join(sorted(SUFFIXES))}.{holds}")
    if folders:
        print(f"{folder}: left out {count} in it: {names}")
    return images


def refuse(problems: list[UnreadableImageError]) -> None:
    """Raise an `UnreadableImagesError` that names the first of the images that cannot be read, if there are any."""
    if problems:
        raise UnreadableImagesError(f"{named(problems)}. Expected images: fix or replace them.")


def named(problems: list[UnreadableImageError]) -> str:
    """The first of the images that cannot be read."""
    more = f" and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
    return "; ".join(map(str, problems[:SHOWN])) + more


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        if path.exists() and not path.is_file():  # reading from a pipe or a device may never end
            raise ValueError("is a folder" if path.is_dir() else "is no file")
        yield
    except UnidentifiedImageError:
        raise UnreadableImageError(f"{path}: cannot be read ({_kind(path)})") from None
    except (*DECODE_ERRORS, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImageError(f"{path}: cannot be read ({reason})") from error


def _kind(path: Path) -> str:
    with path.open("rb") as stream:
        return "is no image in a known format" if stream.read(1) else "has zero bytes"
