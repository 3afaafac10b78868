"""The folders of trained rows: what their settings say, and what other folders are told to be."""

import json
from pathlib import Path

from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.paths.names import TRAINED_SETTINGS

OTHERS = {  # what else of a study has settings, by one that it alone has
    "unet": "a segmenter, for `python -m lungfuse segment`",
    "network": "a network of keras.applications, which is compared and not kept",
    "mask": "the masks of a study",
}


def read_settings(folder: Path) -> dict:
    """What the file settings.json in the folder of a trained row says.

    Raises:
        UserError: there is none, it is damaged, or it is of something else.
    """
    path = folder / TRAINED_SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise no_row(folder) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Mend its permissions.") from error
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). Copy the folder anew, or train the row again.") from error
    if not isinstance(settings, dict) or "row" not in settings:
        raise no_row(folder)
    return settings


def other_version(path: Path, error: Exception) -> UserError:
    """The settings at `path` are none that this version writes; `error` says where."""
    what = f"no {error}" if isinstance(error, KeyError) else str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        what = f"{error.title}.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return UserError(
        f"{path}: is not what this version of lungfuse writes ({what}). Train the row again, or use the version that "
        "has trained it."
    )


def no_row(folder: Path) -> UserError:
    """The folder holds no trained row: what it is, and which rows of its study can predict."""
    folder = folder.parent if folder.is_file() else folder
    rows = _rows_near(folder)
    choose = f"These can predict: {', '.join(map(str, rows))}." if rows else "Train one, or name another folder."
    return UserError(
        f"{folder}: {_what_is(folder)}. Expected the folder of a trained row, such as "
        f"results/demo/models/kv-exchange. {choose}"
    )


def _what_is(folder: Path) -> str:
    if not (folder / TRAINED_SETTINGS).exists():
        return f"has no {TRAINED_SETTINGS}" if folder.exists() else "not found"
    settings = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    return next((f"holds {kind}" for key, kind in OTHERS.items() if key in settings), "is none of a trained row")


def _rows_near(folder: Path) -> list[Path]:
    """The folders of the trained rows of the study that a folder is of."""
    for place in [folder, *folder.parents]:
        if (place / "models").is_dir():
            found = {*place.glob(f"models/*/{TRAINED_SETTINGS}"), *place.glob(f"models/*/fold*/{TRAINED_SETTINGS}")}
            return sorted({place / "models" / path.relative_to(place / "models").parts[0] for path in found})
    return []
