"""Settings that the workflow has written as JSON."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.settings.base import Settings

T = TypeVar("T", bound=Settings)


def read_json(file: Path, kind: type[T], what: str) -> T:
    """The content of a file, which is `what` in words.

    Raises:
        UserError: the file is missing, damaged or of another version.
    """
    try:
        return kind.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: not found. Expected {what}, which the workflow writes.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: is damaged or of another version ({error}). Delete it and run again.") from error
