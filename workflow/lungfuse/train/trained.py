"""settings.json of what was trained: how it was made, and digests by which a changed part of it is noticed."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lungfuse.encoders import WEIGHTS
from lungfuse.files import atomic_write, sha256
from lungfuse.plan.model import as_json
from lungfuse.plan.names import ENCODER_ROOT, ESTIMATOR, PACKAGED, SEGMENTER
from lungfuse.settings.base import Settings
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER, MaskSettings
from lungfuse.tasks import Calibration

DIGESTS = "sha256"
MEASURED = [
    "seconds_per_epoch",
    "peak_memory_mb",
    "parameters",
    "learned_parameters",
    "ms_per_case",
    "machine",
]  # of a training, which decide nothing
Number = Annotated[int, Field(ge=0)]


class Digests(Settings):
    """The SHA-256 of all files that a model predicts with, see `digests_of`, and of its settings."""

    parts: Annotated[dict[str, str], Field(min_length=1)]
    settings: str


class ColumnRecord(Settings):
    """A structured column that an estimator reads; of numbers with the least and the greatest of all pairs."""

    name: str
    kind: Literal["number", "category"]
    unit: str = ""
    low: float | None = None
    high: float | None = None


class MasksMade(Settings):
    """How the masks of a model were made; `segmenter` is a folder, from that of the model, or the packaged one."""

    segmenter: str
    mask: MaskSettings


class Trained(Settings):
    """What every file of settings says."""

    model: ModelConfig
    sha256: Digests


class FoldSettings(Trained):
    """What was trained in a fold: `fitted` is what was measured on the pairs learned from, `starts` the weights from
    which encoders start, both by modality; `split` is the digest of the pairs and their folds; `parameters` and
    `ms_per_case` are what it costs to predict, see `lungfuse.train.cost`; `machine` is where, in which precision."""

    fold: Number
    repeat: Number
    split: str = ""
    calibration: Calibration
    columns: list[ColumnRecord] = Field(default=[])
    fitted: dict[str, list[dict[str, Any]]] = Field(default={})
    starts: dict[str, str] = Field(default={})
    masks: MasksMade | None = None
    seconds_per_epoch: float | None = None
    peak_memory_mb: int | None = None
    parameters: int | None = None
    learned_parameters: int | None = None
    ms_per_case: float | None = None
    machine: str | None = None


class LateFold(Settings):
    """What a late fusion has learned in a fold, and the folders of its parts by role, from its own."""

    parts: dict[str, str]
    fitted: dict[str, Any]
    calibration: Calibration


class LateSettings(Trained):
    """What a late fusion has learned, fold by fold, repeat by repeat."""

    folds: Annotated[list[LateFold], Field(min_length=1)]


def write_trained_settings(
    config: ModelConfig, made: dict[str, Any], parts: list[Path], file: Path, mask_settings: Path | None = None
) -> None:
    """Write all that is needed to predict with a trained model: its settings, what was `made` of them, how its masks
    are made, and the digests of its `parts`, of these settings, and of its segmenter."""
    content = json.loads(json.dumps({"model": as_json(config), **made}, default=_dump))
    if mask_settings is not None:
        content["masks"] = masks_made_by(mask_settings, file.parent)
        parts = [*parts, segmenter_of(content["masks"]["segmenter"], file.parent) / SEGMENTER]
    content[DIGESTS] = {"parts": digests_of(parts, file.parent)}
    content[DIGESTS]["settings"] = settings_digest(content)
    with atomic_write(file) as stream:
        json.dump(content, stream, indent=2)


def masks_made_by(mask_settings: Path, folder: Path) -> dict[str, Any]:
    """How masks were made, with the way from `folder` to their segmenter."""
    found = json.loads(mask_settings.read_text(encoding="utf-8"))
    if found["segmenter"] == PACKAGED_SEGMENTER:
        return found
    return found | {"segmenter": os.path.relpath(found["segmenter"], folder)}


def segmenter_of(segmenter: str, folder: Path) -> Path:
    """The folder of the segmenter that makes the masks of a model in `folder`."""
    return PACKAGED if segmenter == PACKAGED_SEGMENTER else folder / segmenter


def split_digest(split: dict[str, Path]) -> str:
    """The SHA-256 over the tables of a study's pairs and of their folds."""
    return hashlib.sha256("".join(map(sha256, split.values())).encode()).hexdigest()


def digests_of(parts: list[Path], folder: Path) -> dict[str, str]:
    """The SHA-256 of files by where they lie: files of encoders from the folder of all encoders, others from `folder`,
    and the packaged segmenter by its name."""
    return {_place(path, folder): sha256(path) for path in dict.fromkeys(parts)}


def _place(path: Path, folder: Path) -> str:
    if path.is_relative_to(ENCODER_ROOT):
        return f"encoder:{path.relative_to(ENCODER_ROOT)}"
    if path.is_relative_to(PACKAGED):
        return f"{PACKAGED_SEGMENTER}:{path.relative_to(PACKAGED)}"
    return os.path.relpath(path, folder)


def place_of_part(part: str, folder: Path, encoder_root: Path) -> Path:
    """Where a part lies that `digests_of` has named."""
    kind, _, place = part.partition(":")
    root = {"encoder": encoder_root, PACKAGED_SEGMENTER: PACKAGED}.get(kind)
    return folder / part if root is None else root / place


def settings_digest(settings: dict[str, Any]) -> str:
    """The SHA-256 of settings with the digests of the parts, but without what was measured of the training."""
    own = {name: value for name, value in settings.items() if name not in MEASURED}
    own[DIGESTS] = {name: value for name, value in own[DIGESTS].items() if name != "settings"}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def _dump(value: object) -> Any:
    return value.model_dump() if isinstance(value, Settings) else vars(value)


def weights_in(folder: Path) -> Path:
    """The file with what a model has learned, in the folder of a fold."""
    network = folder / WEIGHTS
    return network if network.exists() else folder / ESTIMATOR
