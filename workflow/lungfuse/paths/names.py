"""The names of files and folders that are the same in every study."""

from pathlib import Path

from lungfuse.files import files_below
from lungfuse.settings.segmentation import PACKAGED_SEGMENTER

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
SCHEMA = Path("workflow/schemas/params.schema.json")
ENCODER_ROOT = Path("data/encoders")
FEATURE_TOKENS, FEATURE_INDEX = "tokens.npy", "index.csv"
TRAINED_SETTINGS, HISTORY = "settings.json", "history.csv"
SEGMENTER = "model.keras"
ESTIMATOR, FOLD_PREDICTIONS = "model.skops", "predictions.csv"
MASKS = "masks.npy"
CNN_WEIGHTS = "network.weights.h5"
MANIFEST = "manifest.csv"
DRAWN = {"demo-masks"}  # raw folders whose content the workflow makes, with a manifest of it
PACKAGED = Path(__file__).resolve().parent.parent / "segment" / PACKAGED_SEGMENTER


def slug(reads: str) -> str:
    """What a model reads, as part of a file's name."""
    return reads.replace(":", "_")


def raw_files(raw: Path, names: list[str]) -> list[Path]:
    """Files of a raw folder; a folder is given by the files in it, so that a change of any of them is seen."""
    paths = [raw / name for name in names]
    return [file for path in paths for file in (files_below(path) if path.is_dir() else [path])]
