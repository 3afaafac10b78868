"""A small study for training: sixty cases whose images, texts and structured columns predict the label.

It lies in a folder as `lungfuse.plan.layout.Layout` says. Stages of models find it there, so tests work in that folder.
"""

from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from PIL import Image

from lungfuse.encoders import modality_of
from lungfuse.files import atomic_write
from lungfuse.models import kind_spec
from lungfuse.plan.features import FeatureSet, feature_sets, reads_features
from lungfuse.plan.layout import Layout
from lungfuse.plan.model import main as write_model
from lungfuse.settings.model import ModelConfig
from lungfuse.stages import call
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Columns, Folds, ImageIndex, Pairs, Structured, Validation

EARLY = {"architecture": "early", "images": "raw", "text": "findings"}
LAYOUT = Layout("small")


@dataclass(frozen=True)
class SmallStudy:
    """The tables and arrays of the small study, and the folder where its files are."""

    folder: Path
    pairs: pd.DataFrame
    images: np.ndarray
    index: pd.DataFrame
    columns: pd.DataFrame
    structured: pd.DataFrame
    task: str = "binary"

    @property
    def encoder_root(self) -> Path:
        return self.folder / "data/encoders"

    @property
    def files(self) -> dict[str, Path]:
        found = LAYOUT.split | LAYOUT.image_array | LAYOUT.structured
        return {key: self.folder / path for key, path in found.items()}

    def write(self) -> None:
        self.files["array"].parent.mkdir(parents=True, exist_ok=True)
        np.save(self.files["array"], self.images)
        write_split(self.files, self.pairs, 8, np.arange(60) // 4 % 3)
        write_table(self.index, self.files["index"], ImageIndex)
        write_table(self.columns, self.files["structured_columns"], Columns)
        write_table(self.structured, self.files["structured"], Structured, self.columns["name"])

    def save_png(self, pair: int) -> Path:
        """The image of a pair as a file."""
        path = self.folder / f"{self.pairs['pair_id'][pair]}.png"
        with atomic_write(path, "wb") as stream:
            Image.fromarray(self.images[pair]).save(stream, "png")
        return path

    def model(self, name: str = "", **entry) -> ModelConfig:
        """Write the file of a model; `entry` is what params.yaml would say of it, see `model_config`."""
        reads = {"images", "text", "structured", "inputs"} & entry.keys()
        entry = entry if "architecture" in entry else (EARLY if not reads else {"architecture": "early"}) | entry
        config = model_config(name=name, task=self.task, **entry)
        write_model(config=config, file=self.folder / LAYOUT.model(config.name))
        return config

    def file(self, config: ModelConfig) -> Path:
        return LAYOUT.model(config.name)

    def fold(self, config: ModelConfig, run: str = "0") -> Path:
        """The folder of a training."""
        return self.folder / LAYOUT.fold_folder(config.name, run)

    def train(self, config: ModelConfig, run: str = "0") -> pd.DataFrame:
        """Train a network for a fold, with its features where its encoders do not learn; returns its scores."""
        with chdir(self.folder):
            if reads_features(config):
                for modality in config.encoders.keys() & config.read_in_training.keys():
                    self.features(config, modality, run)
            run_stage("train", {"model": LAYOUT.model(config.name), "run": run})
        return pd.read_csv(self.fold(config, run) / "predictions.csv")

    def fit(self, config: ModelConfig) -> pd.DataFrame:
        """Fit an estimator in every fold, with the features that it reads; returns its out-of-fold predictions."""
        with chdir(self.folder):
            for modality in config.encoders:
                self.features(config, modality)
            run_stage("fit", {"model": LAYOUT.model(config.name)})
        return pd.read_csv(self.folder / LAYOUT.predictions(config.name)["predictions"])

    def finish(self, config: ModelConfig, n_seeds: int = 1) -> pd.DataFrame:
        """Make the out-of-fold predictions of a model of any kind, of whose networks all folds are trained."""
        stage = kind_spec(config.architecture).stage
        if stage == "fit":
            return self.fit(config)
        with chdir(self.folder):
            given = {"model": LAYOUT.model(config.name), "n_seeds": n_seeds}
            run_stage("late" if stage == "late" else "pool-folds", given)
        return pd.read_csv(self.folder / LAYOUT.predictions(config.name)["predictions"])

    def features(self, config: ModelConfig, modality: str, run: str = "") -> Path:
        """Encode all pairs as a model reads them; returns the folder of the features, the first of several."""
        for made in feature_sets(config, modality, run):
            self._encode(config, made)
        return self.folder / feature_sets(config, modality, run)[0].folder

    def _encode(self, config: ModelConfig, made: FeatureSet) -> None:
        with chdir(self.folder):
            if not made.files["tokens"].exists():
                files = {key: path for key, path in made.inputs.items() if key in ("array", "index", "masks")}
                starts = {"start": made.start[0]} if made.start else {}
                arguments = {"encoder": made.encoder, "choice": made.choice, "pooling": made.pooling}
                arguments |= {
                    "max_tokens": made.max_tokens,
                    "precision": config.precision,
                    "encoder_root": Path("data/encoders"),
                }
                run_stage("features", {"pairs": LAYOUT.split["pairs"], **files, **starts, **arguments, **made.outputs})


def write_split(files: dict[str, Path], pairs: pd.DataFrame, validated: int, *more_folds: np.ndarray) -> None:
    """Write the tables of a split into three folds: repeat 0 has the folds of the pairs, `more_folds` are those of
    others. Each fold is validated on so many pairs of the next."""
    repeats = [pairs.assign(repeat=0), *(pairs.assign(fold=fold, repeat=n) for n, fold in enumerate(more_folds, 1))]
    following = [(each[each["fold"] == (fold + 1) % 3], fold) for each in repeats for fold in range(3)]
    known = [each[:validated].assign(fold=fold) for each, fold in following]
    write_table(pairs, files["pairs"], Pairs)
    write_table(pd.concat(repeats), files["fold_table"], Folds)
    write_table(pd.concat(known), files["validation"], Validation)


def run_stage(name: str, arguments: dict | None = None, /, **more) -> None:
    """Run a stage in this process with its arguments by name."""
    call(name, (arguments or {}) | more)


@pytest.fixture(scope="session")
def encoder_root(once) -> Path:
    """The folder of two tiny encoders, which all processes of pytest-xdist share."""
    return once("encoders", _make_encoders)


def _make_encoders(root: Path) -> None:
    from lungfuse.train import encoder

    for name in ["vit-tiny", "bert-tiny"]:
        tokenizer = root / name / "tokenizer.json" if modality_of(name) == "text" else None
        config, weights = root / name / "config.json", root / name / "model.safetensors"
        encoder.main(name=name, config=config, weights=weights, tokenizer=tokenizer)


@pytest.fixture
def small(tmp_path, encoder_root, monkeypatch) -> SmallStudy:
    """The small study, in whose folder the test works."""
    monkeypatch.chdir(tmp_path)
    return small_study(tmp_path, encoder_root)


def small_study(folder: Path, encoder_root: Path, task: str = "binary") -> SmallStudy:
    """Write the files of the small study in a folder, see `drawn_study`."""
    study = drawn_study(folder, task)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    study.encoder_root.symlink_to(encoder_root)
    study.write()
    return study


def drawn_study(folder: Path, task: str = "binary") -> SmallStudy:
    """The small study in a folder, where it need not be.

    Numbers are 20 or 80. In a study of another task sex predicts a third class or a second label; some pairs lack their
    image, their text or their columns, and some labels are unknown.
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
    if task in ["multiclass", "ordinal"]:
        labels = np.where(np.arange(60) % 4 == 3, 2, labels)
    if task == "regression":
        labels = 20 + 60 * labels
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
    return SmallStudy(folder, pairs, images, index, kinds, structured, task)
