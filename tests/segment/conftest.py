"""Drawn chests with their lungs: as files of the public mask set, as arrays, and a segmenter that learned from them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import stage_command
from PIL import Image

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

    def command(self, folder: Path) -> list[str]:
        """The command that trains a segmenter in a folder; it reaches a plateau more than once."""
        train = {"epochs": 12, "batch_size": 8, "learning_rate": 0.01, "plateau": 1, "patience": 10}
        arguments = {
            "name": "unet-shenzhen",
            "sites": SITES,
            "fit": "stretch",
            "unet": UNetSettings(width=8, depth=2, normalisation="batch"),
            "train": SegmenterSettings(**train, precision="fp32"),
            "seed": 0,
            "network": folder / "model.keras",
            "history": folder / "history.csv",
            "settings": folder / "settings.json",
        }
        return stage_command(folder, "segmenter", self.files | arguments)


@pytest.fixture
def mask_set(tmp_path) -> Path:
    """The folder of a set of 24 X-rays with masks."""
    rng = np.random.default_rng(0)
    raw = tmp_path / "raw"
    for folder in ["CXR_png", "masks"]:
        (raw / folder).mkdir(parents=True)
    for number in range(24):
        pixels, lungs, _ = draw_frontal(rng, rng.normal(1, 0.15), 1, PX)
        name, end = (f"CHNCXR_{number:04d}_0", "_mask") if number % 2 else (f"MCUCXR_{number:04d}_1", "")
        Image.fromarray(pixels).save(raw / "CXR_png" / f"{name}.png")
        Image.fromarray(lungs).save(raw / "masks" / f"{name}{end}.png")
    return raw


@pytest.fixture(scope="session")
def annotated_set(once) -> AnnotatedSet:
    """Forty-eight drawn chests; the files that a segmenter has learned from are the same for all processes."""
    rng = np.random.default_rng(1)
    drawn = [draw_frontal(rng, rng.normal(1, 0.15), 1, PX) for _ in range(48)]
    images, masks, _ = map(np.stack, zip(*drawn, strict=True))
    index = pd.DataFrame({"row": np.arange(48), "site": SITES * 24})
    index["image_id"] = index["patient"] = [f"P{row:02d}" for row in range(48)]
    index["part"] = np.repeat(["train", "validation", "test"], [32, 8, 8])

    def write(folder: Path) -> None:
        folder.mkdir()
        files = AnnotatedSet(folder, images, masks, index).files
        np.save(files["annotated_images"], images)
        np.save(files["annotated_masks"], masks)
        write_table(index, files["annotated_index"], AnnotatedIndex)

    return AnnotatedSet(once("annotated", write), images, masks, index)


@pytest.fixture(scope="session")
def segmenter(annotated_set, once) -> Path:
    """The folder of a segmenter that has learned the drawn lungs."""

    def train(folder: Path) -> None:
        command = annotated_set.command(folder / "unet-shenzhen")
        subprocess.run(command, check=True, capture_output=True, timeout=600)

    return once("segmenter", train) / "unet-shenzhen"
