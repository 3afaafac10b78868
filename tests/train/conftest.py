"""A small study for training: sixty pairs whose images and texts tell different parts of the label."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lungfuse.encoders import ENCODERS
from lungfuse.settings import EncoderSettings, FusionSettings, Row, TrainSettings
from lungfuse.tables import ImageIndex, Pairs, columns, write_table
from lungfuse.train import encoder

SETTINGS = TrainSettings(
    start="encoder", layers="full", epochs=3, batch=8, learning_rate=1e-3, encoder_learning_rate=1e-3,
    weight_decay=0.01, warmup=0.1, clip=1.0, label_smoothing=0.0, patience=9, validation=0.2, augment=True,
    precision="fp32",
)  # fmt: skip


@pytest.fixture(scope="session")
def encoder_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    for name in ["vit-tiny", "bert-tiny"]:
        tokenizer = root / name / "tokenizer.json" if ENCODERS[name].modality == "text" else None
        config, weights = root / name / "config.json", root / name / "model.safetensors"
        encoder.main(name=name, config=config, weights=weights, tokenizer=tokenizer)
    return root


@pytest.fixture
def small(tmp_path, encoder_root) -> SimpleNamespace:
    """Files and settings of the small study, as the stage `train` takes them."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    words = np.where(labels == 1, "low", "clear")
    frame = pd.DataFrame({"label": labels, "group": np.arange(60), "fold": np.arange(60) // 2 % 3})
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n:02d}" for n in range(60)]
    frame["findings"] = [f"study {n} lungs {word}" for n, word in enumerate(words)]
    frame = frame.assign(text=frame["findings"], comparison="", indication="", impression="")
    images = rng.integers(0, 60, (60, 64, 64), dtype=np.uint8)
    images[labels == 1, 16:48, 16:48] += 150
    index = pd.DataFrame({"image_id": frame["image_id"], "row": np.arange(60), "width": 64, "height": 64})
    files = {"pairs": tmp_path / "pairs.csv", "array": tmp_path / "images.npy", "index": tmp_path / "index.csv"}
    np.save(files["array"], images)
    write_table(frame[columns(Pairs)], files["pairs"], Pairs)
    write_table(index, files["index"], ImageIndex)
    return SimpleNamespace(
        frame=frame, images=images, index=index, files=files, train=SETTINGS,
        row=Row(model="early", images="raw", text="findings"), encoder_root=encoder_root,
        encoders=EncoderSettings(image="vit-tiny", text="bert-tiny"),
        fusion=FusionSettings(width=16, heads=2, blocks=1, hidden=8, dropout=0.1),
    )  # fmt: skip
