"""Whether a trained model is still the one that was trained: each part by its digest."""

from functools import cache
from pathlib import Path
from typing import Any

from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.train.trained import DIGESTS, place_of_part, settings_digest

POINTER = b"version https://git-lfs"  # how a file begins that Git LFS has not fetched


def check_settings_digest(folder: Path, settings: dict[str, Any]) -> None:
    """See that settings are those that the training wrote.

    Raises:
        KeyError, TypeError, AttributeError: they have no digests, as those of an older version.
        UserError: they were changed.
    """
    if settings[DIGESTS]["settings"] != settings_digest(settings):
        raise UserError(
            f"{folder / TRAINED_SETTINGS}: was changed after the training, so it does not describe these weights. Copy "
            "the folder anew, or train the model again."
        )


def check_parts(folder: Path, digests: dict[str, str], encoder_root: Path) -> None:
    """See that the weights of a model, and all that it was trained with, are still the same.

    Raises:
        UserError: a part is missing or another one; it is named.
    """
    for part, expected in digests.items():
        check_part(folder, place_of_part(part, folder, encoder_root), expected)


def check_part(folder: Path, path: Path, expected: str) -> None:
    """See that a part of the model in a folder has the expected digest; see `check_parts`."""
    if not path.is_file():
        raise UserError(f"{path}: not found. Expected a part of {folder}: copy it there, or train the model again.")
    if digest_of(path.resolve(), path.stat().st_mtime_ns) == expected:
        return
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise UserError(f"{path}: is a pointer of Git LFS. `git lfs pull` fetches the file.")
    raise UserError(
        f"{path}: is not the file that {folder} was trained with (another SHA-256). It was trained again, replaced or "
        "damaged: train the model again too, or copy both from one place."
    )


@cache
def digest_of(path: Path, changed: int) -> str:
    """The SHA-256 of a file, computed once for each time it has `changed`."""
    return sha256(path)
