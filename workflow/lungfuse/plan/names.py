"""The names of files and folders that are the same in every study."""

from pathlib import Path

from lungfuse.settings.segmentation import PACKAGED_SEGMENTER

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
SCHEMA = Path("workflow/schemas/params.schema.json")
ENCODER_ROOT = Path("data/encoders")
ENCODER_LOGS = Path("logs/encoders")
FEATURE_TOKENS, FEATURE_INDEX, FEATURE_COST = "tokens.npy", "index.csv", "cost.json"
TRAINED_SETTINGS, HISTORY = "settings.json", "history.csv"
SEGMENTER = "model.keras"
ESTIMATOR, FOLD_PREDICTIONS = "model.skops", "predictions.csv"
EXPLANATION_SCORES = "explanation_scores"
MANIFEST = "manifest.csv"
NOTES = "differs.txt"  # in a raw folder: how its files differ from the publisher's, a line each
SYNTHETIC = {"demo-masks"}  # raw folders whose content the workflow makes, with a manifest of it
PACKAGED = Path(__file__).resolve().parent.parent / "segment" / PACKAGED_SEGMENTER
