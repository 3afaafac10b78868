"""The folders of trained models: what their settings say, and what is wrong with other folders."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.plan.names import TRAINED_SETTINGS
from lungfuse.predict.consistency import check_model
from lungfuse.predict.integrity import check_settings_digest
from lungfuse.train.trained import Trained

AnySettings = TypeVar("AnySettings", bound=Trained)
OF_ANOTHER_VERSION = (KeyError, TypeError, AttributeError, ValueError)  # met where settings are read
OTHERS = {  # what else of a study has settings, by one that it alone has
    "unet": "a segmenter, for `python -m lungfuse segment`",
    "mask": "the masks of a study",
}


def read_settings(folder: Path) -> dict[str, Any]:
    """What the file settings.json in the folder of a trained model says.

    Raises:
        UserError: there is none, it is damaged, or it is of something else.
    """
    path = folder / TRAINED_SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise no_model(folder) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Fix its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}). Copy the folder anew, or train the model again.") from error
    if not isinstance(settings, dict) or "model" not in settings:
        raise no_model(folder)
    return settings


def checked(kind: type[AnySettings], settings: dict[str, Any], folder: Path) -> AnySettings:
    """Settings of a folder, of their kind, as the training wrote them.

    Raises:
        UserError: they are damaged, were changed, or are of another version.
    """
    try:
        check_settings_digest(folder, settings)
        found = kind.model_validate(settings, strict=True)
        check_model(found.model)
    except OF_ANOTHER_VERSION as error:
        raise other_version(folder / TRAINED_SETTINGS, error) from error
    return found


def other_version(path: Path, error: Exception) -> UserError:
    """The settings at `path` are none that this version writes; `error` says where."""
    what = f"no {error}" if isinstance(error, KeyError) else str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return UserError(
        f"{path}: is not what this version of lungfuse writes ({what}). Train the model again, or use the version that "
        "has trained it."
    )


def no_model(folder: Path) -> UserError:
    """The folder holds no trained model: what it is, and which models of its study can predict."""
    folder = folder.parent if folder.is_file() else folder
    models = _models_near(folder)
    choose = f"These can predict: {', '.join(map(str, models))}." if models else "Train one, or name another folder."
    return UserError(
        f"{folder}: {_what_is(folder)}. Expected the folder of a trained model, such as "
        f"results/demo/models/kv-exchange. {choose}"
    )


def _what_is(folder: Path) -> str:
    if not (folder / TRAINED_SETTINGS).exists():
        return f"has no {TRAINED_SETTINGS}" if folder.exists() else "not found"
    settings = json.loads((folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    keys = settings if isinstance(settings, dict) else {}
    return next((f"holds {kind}" for key, kind in OTHERS.items() if key in keys), "is none of a trained model")


def _models_near(folder: Path) -> list[Path]:
    """The folders of the trained models of the study that a folder is of."""
    for place in [folder, *folder.parents]:
        if (place / "models").is_dir():
            found = {*place.glob(f"models/*/{TRAINED_SETTINGS}"), *place.glob(f"models/*/fold*/{TRAINED_SETTINGS}")}
            return sorted({place / "models" / path.relative_to(place / "models").parts[0] for path in found})
    return []
