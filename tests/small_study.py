"""A small study for training: sixty pairs whose images, texts and structured columns tell the label."""

from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungfuse.encoders import modality_of
from lungfuse.settings.base import Settings
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.params import to_json
from lungfuse.settings.rows import Row
from lungfuse.settings.training import AugmentSettings, EncoderSettings, FusionSettings, Pooling, TrainSettings
from lungfuse.stages import STAGES
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Columns, ImageIndex, Pairs, Structured, Validation

AUGMENT = AugmentSettings(rotation=7.0, shift=0.06, scale=0.08, contrast=0.15, brightness=12.0, gamma=0.0)
NO_AUGMENT = AugmentSettings(rotation=0, shift=0, scale=0, contrast=0, brightness=0, gamma=0)
TRAIN = TrainSettings(
    init_from="encoder", layers="full", epochs=3, batch_size=8, learning_rate=1e-3, encoder_learning_rate=1e-3,
    weight_decay=0.01, warmup=0.1, gradient_clip=1.0, label_smoothing=0.0, patience=9, modality_dropout=0.0,
    augment=AUGMENT, word_dropout=0.0, ema_decay=0.5, precision="fp32", devices=1,
)  # fmt: skip
SETTINGS = {
    "fold": 0,
    "seed": 0,
    "encoders": EncoderSettings(image="vit-tiny", text="bert-tiny", pooling="none", max_tokens=None),
    "fusion": FusionSettings(width=16, heads=2, blocks=1, hidden=8, dropout=0.1),
    "images": ImageSettings(image_size=64, fit="pad"),
    "task": "binary",
    "labels": ["normal", "lung"],
    "class_weights": "balanced",
}
EARLY = Row(model="early", images="raw", text="findings")
LABELS = {"binary": ["normal", "lung"], "multiclass": ["normal", "small", "large"], "multilabel": ["small", "large"]}


@dataclass(frozen=True)
class SmallStudy:
    """The tables and arrays of the small study, and where their files are."""

    folder: Path
    encoder_root: Path
    pairs: pd.DataFrame
    images: np.ndarray
    index: pd.DataFrame
    columns: pd.DataFrame
    structured: pd.DataFrame
    task: str = "binary"

    @property
    def files(self) -> dict[str, Path]:
        names = {"pairs": "pairs.csv", "validation": "validation.csv", "array": "images.npy", "index": "index.csv"}
        names |= {"structured": "structured.csv", "columns": "columns.csv"}
        return {key: self.folder / name for key, name in names.items()}

    def write(self) -> None:
        np.save(self.files["array"], self.images)
        write_table(self.pairs, self.files["pairs"], Pairs)
        validation = pd.concat(
            self.pairs[self.pairs["fold"] == (fold + 1) % 3].iloc[:8].assign(fold=fold) for fold in range(3)
        )
        write_table(validation, self.files["validation"], Validation)
        write_table(self.index, self.files["index"], ImageIndex)
        write_table(self.columns, self.files["columns"], Columns)
        write_table(self.structured, self.files["structured"], Structured, self.columns["name"])

    def save_png(self, pair: int) -> Path:
        """The image of a pair as a file."""
        path = self.folder / f"{self.pairs['pair_id'][pair]}.png"
        Image.fromarray(self.images[pair]).save(path)
        return path

    def arguments(self, folder: Path, row: Row = EARLY, **changes) -> dict:
        """What the stage `train` takes; `changes` are of its training settings."""
        outputs = {"weights": "model.safetensors", "history": "history.csv", "fold_predictions": "predictions.csv"}
        outputs = {key: folder / name for key, name in (outputs | {"settings": "settings.json"}).items()}
        train = {"train": TRAIN.model_copy(update=changes)}
        asked = {"task": self.task, "labels": LABELS[self.task]}
        return SETTINGS | asked | self.files | outputs | train | {"row": row, "encoder_root": self.encoder_root}

    def train(self, folder: Path, row: Row = EARLY, files: dict | None = None, **changes) -> pd.DataFrame:
        """Train a row for fold 0; returns its scores."""
        run_stage("train", **self.arguments(folder, row, **changes) | (files or {}))
        return pd.read_csv(folder / "predictions.csv")

    def features(
        self,
        encoder: str,
        start: Path | None = None,
        reads: str | None = None,
        masks: Path | None = None,
        pooling: Pooling = "none",
    ) -> Path:
        """Encode all pairs; returns the folder of the features."""
        folder = self.folder / "features" / (encoder if start is None else f"{encoder}_trained") / pooling
        reads = reads or {"text": "findings", "image": "raw"}[modality_of(encoder)]
        outputs = {"tokens": folder / "tokens.npy", "token_index": folder / "index.csv"}
        run_stage(
            "features", encoder=encoder, encoder_root=self.encoder_root, precision="fp32", start=start,
            reads=reads, encoders=SETTINGS["encoders"].model_copy(update={"pooling": pooling}), masks=masks, **outputs,
            **{name: self.files[name] for name in ["pairs", "array", "index"]},
        )  # fmt: skip
        return folder


def run_stage(name: str, /, **arguments) -> None:
    """Run a stage in this process with its options by name, as its command line takes them."""
    main = import_module(STAGES[name].module).main
    groups = {
        parameter.name: parameter.annotation
        for parameter in signature(main).parameters.values()
        if is_dataclass(parameter.annotation)
    }
    for group, of in groups.items():
        own = {field.name for field in fields(of)} & arguments.keys()
        arguments[group] = of(**{option: arguments.pop(option) for option in own})
    main(**arguments)


def command_line(arguments: dict) -> list[str]:
    """Arguments of a stage as options."""
    options = []
    for name, value in arguments.items():
        if isinstance(value, dict):
            options += [text for key, each in value.items() for text in [f"--{name}.{key}", str(each)]]
            continue
        values = value if isinstance(value, list) else [value]
        texts = [to_json(each) if isinstance(each, Settings) else str(each) for each in values]
        options += ["--" + name.replace("_", "-"), *texts]
    return options


@pytest.fixture(scope="session")
def encoder_root(tmp_path_factory) -> Path:
    from lungfuse.train import encoder

    root = tmp_path_factory.mktemp("encoders")
    for name in ["vit-tiny", "bert-tiny"]:
        tokenizer = root / name / "tokenizer.json" if modality_of(name) == "text" else None
        config, weights = root / name / "config.json", root / name / "model.safetensors"
        encoder.main(name=name, config=config, weights=weights, tokenizer=tokenizer)
    return root


@pytest.fixture
def small(tmp_path, encoder_root) -> SmallStudy:
    return small_study(tmp_path, encoder_root)


def small_study(folder: Path, encoder_root: Path, task: str = "binary") -> SmallStudy:
    """Write the files of the small study in a folder.

    In a study of another task sex tells a third class or a second label; some pairs lack their image, their text or
    their columns, and some labels are unknown.
    """
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    words = np.where(labels == 1, "low", "clear")
    pairs = pd.DataFrame({"group": np.arange(60), "fold": np.arange(60) // 2 % 3})
    pairs["pair_id"] = pairs["report_id"] = pairs["image_id"] = [f"P{n:02d}" for n in range(60)]
    pairs["findings"] = [f"study {n} lungs {word}" for n, word in enumerate(words)]
    pairs = pairs.assign(site="", comparison="", indication="", impression="")
    images = rng.integers(0, 60, (60, 64, 64), dtype=np.uint8)
    images[labels == 1, 16:48, 16:48] += 150
    index = pd.DataFrame({"image_id": pairs["image_id"], "row": np.arange(60), "width": 64, "height": 64})
    kinds = pd.DataFrame({"name": ["age", "sex"], "kind": ["number", "category"], "unit": ["years", ""]})
    ages = [str(age) for age in 40 + 20 * labels + rng.integers(0, 10, 60)]
    structured = pd.DataFrame(
        {"pair_id": pairs["pair_id"], "age": ages, "sex": np.where(rng.random(60) < 0.5, "F", "M")}
    )
    if task == "multiclass":
        labels = np.where(np.arange(60) % 4 == 3, 2, labels)
    if task == "multilabel":
        second = pd.Series(np.arange(60) % 4 == 3).astype("Int64").mask(np.arange(60) % 5 == 4)
        pairs = pairs.assign(label_small=labels, label_large=second)
    else:
        pairs["label"] = labels
    if task != "binary":
        pairs.loc[[4, 31], "image_id"] = ""
        pairs.loc[[7, 31, 40], "findings"] = ""
        structured.loc[[9, 40], ["age", "sex"]] = ""
        structured.loc[12, "age"] = ""
    pairs["text"] = pairs["findings"]
    study = SmallStudy(folder, encoder_root, pairs, images, index, kinds, structured, task)
    study.write()
    return study
