"""Drawn chests with their lungs: as files of the public mask set, as arrays, and a segmenter that learned from them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_study import command_line

from lungfuse.demo.chest import draw_frontal
from lungfuse.settings.segmentation import SegmenterSettings, UNetSettings
from lungfuse.tables.base import write_table
from lungfuse.tables.segmentation import AnnotatedIndex

PX = 64
SITES = ["Montgomery", "Shenzhen"]


@dataclass(frozen=True)
class AnnotatedSet:
    """Arrays of drawn chests and lungs, and where their files are."""

    folder: Path
    images: np.ndarray
    masks: np.ndarray
    index: pd.DataFrame

    @property
    def files(self) -> dict[str, Path]:
        names = {"annotated_images": "images.npy", "annotated_masks": "masks.npy", "annotated_index": "index.csv"}
        return {key: self.folder / name for key, name in names.items()}

    def command(self, folder: Path, epochs: int, **changes) -> list[str]:
        """The command that trains a segmenter in a folder; `changes` are of its training settings."""
        train = {
            "epochs": epochs,
            "batch_size": 8,
            "learning_rate": 0.003,
            "plateau": 4,
            "patience": 10,
            "precision": "fp32",
        }
        arguments = {
            "name": "unet-shenzhen",
            "sites": SITES,
            "unet": UNetSettings(width=8, depth=3, normalisation="batch"),
            "train": SegmenterSettings(**train | changes),
            "seed": 0,
            "network": folder / "model.keras",
            "history": folder / "history.csv",
            "settings": folder / "settings.json",
        }
        return [sys.executable, "-m", "lungfuse", "segmenter", *command_line(self.files | arguments)]


@pytest.fixture
def mask_set(tmp_path) -> Path:
    """The folder of a set of 24 X-rays with masks."""
    rng = np.random.default_rng(0)
    raw = tmp_path / "raw"
    for folder in ["CXR_png", "masks"]:
        (raw / folder).mkdir(parents=True)
    for number in range(24):
        pixels, lungs = draw_frontal(rng, rng.normal(1, 0.15), 1, PX)
        name, end = (f"CHNCXR_{number:04d}_0", "_mask") if number % 2 else (f"MCUCXR_{number:04d}_1", "")
        Image.fromarray(pixels).save(raw / "CXR_png" / f"{name}.png")
        Image.fromarray(lungs).save(raw / "masks" / f"{name}{end}.png")
    return raw


@pytest.fixture(scope="session")
def annotated_set(tmp_path_factory) -> AnnotatedSet:
    rng = np.random.default_rng(1)
    drawn = [draw_frontal(rng, rng.normal(1, 0.15), 1, PX) for _ in range(48)]
    images, masks = map(np.stack, zip(*drawn, strict=True))
    index = pd.DataFrame({"row": np.arange(48), "site": SITES * 24})
    index["image_id"] = index["patient"] = [f"P{row:02d}" for row in range(48)]
    index["part"] = np.repeat(["train", "validation", "test"], [32, 8, 8])
    found = AnnotatedSet(tmp_path_factory.mktemp("annotated"), images, masks, index)
    np.save(found.files["annotated_images"], images)
    np.save(found.files["annotated_masks"], masks)
    write_table(index, found.files["annotated_index"], AnnotatedIndex)
    return found


@pytest.fixture(scope="session")
def segmenter(annotated_set, tmp_path_factory) -> Path:
    """The folder of a segmenter that has learned the drawn lungs."""
    folder = tmp_path_factory.mktemp("segmenter") / "unet-shenzhen"
    subprocess.run(annotated_set.command(folder, epochs=20), check=True, capture_output=True, timeout=300)
    return folder
