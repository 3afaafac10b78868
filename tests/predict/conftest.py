"""Rows of every kind on the small study of each task, trained for an epoch when they are first asked for."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from small_study import LABELS, SETTINGS, SmallStudy, run_stage, small_study

from lungfuse.predict.predict import main
from lungfuse.predict.predictor import Predictor
from lungfuse.settings.rows import Row

READS = {"image": "raw", "text": "findings", "structured": ["age", "sex"]}


def row(model: str, *modalities: str, **others) -> Row:
    return Row(model=model, inputs={name: READS[name] for name in modalities}, **others)


ROWS = {
    "majority": row("majority"),
    "tfidf": row("tfidf", "text"),
    "logistic": row("logistic", "structured"),
    "boosting": row("boosting", "structured", settings={"iterations": 20}),
    "linear-probe": row("linear-probe", "image", "text"),
    "image": row("image", "image"),
    "text": row("text", "text"),
    "structured": row("structured", "structured"),
    "early": row("early", "image", "text"),
    "irene": row("irene", "image", "text", "structured"),
    "without-text": row("early", "image", "text", ablation="dropped-text"),
    "kv-exchange": row("kv-exchange", "image", "text", "structured", train={"layers": "frozen"}),
    "kv-exchange-full": row("kv-exchange", "image", "text", "structured"),
    "of-trained": row("joint", "image", "text", train={"layers": "frozen", "init_from": "unimodal"}),
    "of-means": row("kv-exchange", "image", "text", train={"layers": "frozen"}),
    "late-stacked": row("late-stacked", "image", "text", "structured"),
}
PARTS = {"image": "image", "text": "tfidf", "structured": "boosting"}
MEANS = {"encoders": SETTINGS["encoders"].model_copy(update={"pooling": "mean"})}


@dataclass(frozen=True)
class Trained:
    """A small study whose rows are trained for fold 0."""

    small: SmallStudy

    @property
    def models(self) -> Path:
        return self.small.folder / "models"

    def folder(self, name: str) -> Path:
        """The folder of a row's fold 0, or of a late fusion; it is trained if there is none."""
        if not (self.models / name).exists():
            _train(self, name)
        return self.models / name if name == "late-stacked" else self.models / name / "fold0"

    def predictor(self, name: str) -> Predictor:
        return Predictor(self.folder(name), self.small.encoder_root)

    def predict(self, name: str, cases: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(self.predictor(name).predict(cases)).set_index("id")

    def scores(self, name: str) -> pd.DataFrame:
        """The scores that its training gave the pairs of the test fold."""
        folder = self.folder(name)
        late = name == "late-stacked"
        found = pd.read_csv(self.models / f"{name}.csv" if late else folder / "predictions.csv")
        return found.query("fold == 0" if late else "part == 'test'").set_index("pair_id")

    def cases(self, count: int | None = None) -> pd.DataFrame:
        """Pairs of the test fold as new cases: files of images, texts and values."""
        pairs = self.small.pairs[self.small.pairs["fold"] == 0][:count]
        images = [str(self.small.save_png(n)) if pairs["image_id"][n] else "" for n in pairs.index]
        cases = pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]})
        return cases.join(self.small.structured[["age", "sex"]]).reset_index(drop=True)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, encoder_root) -> Callable[[str], Trained]:
    """The rows of a task, on a study of which all tests here only read."""
    done: dict[str, Trained] = {}

    def of_task(task: str = "binary") -> Trained:
        if task not in done:
            done[task] = Trained(small_study(tmp_path_factory.mktemp(task), encoder_root, task))
        return done[task]

    return of_task


@pytest.fixture(scope="session")
def clinic(tmp_path_factory, encoder_root):
    return small_study(tmp_path_factory.mktemp("a 'small' study"), encoder_root)


@pytest.fixture(scope="session")
def study(clinic) -> Path:
    """The results of a study with a row of both inputs, trained for one fold of three, a baseline and a segmenter."""
    study = clinic.folder / "results/clinic"
    clinic.train(study / "models/early/fold0", epochs=1)
    (study / "predictions").mkdir()
    run_stage(
        "baseline", row=Row(model="tfidf", text="findings"), task="binary", labels=["normal", "lung"],
        class_weights="none", seed=0,
        pairs=clinic.files["pairs"], validation=clinic.files["validation"], models=study / "models/tfidf",
        predictions=study / "predictions/tfidf.csv", validated=study / "validated/tfidf.csv",
    )  # fmt: skip
    for folder, settings in {
        "segmenters/unet-a": {"image_size": 64, "unet": {}},
        "models/vgg19/raw": {"network": "vgg19"},
    }.items():
        (study / folder).mkdir(parents=True)
        (study / folder / "settings.json").write_text(json.dumps(settings))
    return study


@pytest.fixture
def run(clinic, study, tmp_path):
    """Predict with the row of both inputs and return the predictions."""

    def predicted(**changes) -> pd.DataFrame:
        given = {"model": study / "models/early/fold0", "out": tmp_path / "out.csv"}
        given |= {"encoder_root": clinic.encoder_root}
        main(**given | changes)
        return pd.read_csv((given | changes)["out"]).set_index("id")

    return predicted


def _train(study: Trained, name: str) -> None:
    small, models, spec = study.small, study.models, ROWS[name]
    labels = {"task": small.task, "labels": LABELS[small.task]}
    asked = labels | {"class_weights": "balanced", "seed": 0}
    files = {key: small.files[key] for key in ["pairs", "validation"]}
    outputs = {"predictions": models / f"{name}.csv", "validated": models / f"{name}.validated.csv"}
    if spec.kind == "baseline":
        columns = {key: small.files[key] for key in ["structured", "columns"]}
        run_stage("baseline", row=spec, **asked, **files, **columns, **outputs, models=models / name)
    elif spec.kind == "probe":
        encoders = {"encoders": SETTINGS["encoders"], "images": SETTINGS["images"], "precision": "fp32"}
        features = [small.features(encoder) for encoder in ["vit-tiny", "bert-tiny"]]
        run_stage(
            "linear-probe", row=spec, **asked, **encoders, **files, **outputs, features=features, models=models / name
        )
    elif spec.kind == "late":
        files = [study.folder(part) / "predictions.csv" for part in PARTS.values()]
        settings = models / name / "settings.json"
        run_stage(
            "late",
            row=spec,
            **labels,
            class_weights="balanced",
            pairs=small.files["pairs"],
            parts=[*PARTS],
            fold_predictions=[each for file in files for each in [file, _of_other_folds(small, file)]],
            **outputs,
            settings=settings,
        )
        kept = json.loads(settings.read_text())
        settings.write_text(json.dumps(kept | {"folds": kept["folds"][:1]}))
    else:
        small.train(models / name / "fold0", spec, _frozen(study, name), **{"epochs": 1} | spec.train)


def _of_other_folds(small: SmallStudy, file: Path) -> Path:
    """A part is trained for fold 0 alone: scores that tell nothing, for the pairs of all other folds together."""
    first, names = pd.read_csv(file), small.pairs["pair_id"]
    scores = first.filter(regex="^score").columns
    labels = small.pairs.filter(regex="^label")
    part = (small.pairs["fold"] == 0).map({True: "validation", False: "test"})
    others = pd.DataFrame({"pair_id": names, "fold": 1, "repeat": 0, "part": part}).join(labels)
    others[list(scores)] = 1 / max(len(scores), 2)
    path = file.parents[1] / "others" / file.name
    path.parent.mkdir()
    others[first.columns].to_csv(path, index=False)
    return path


def _frozen(study: Trained, name: str) -> dict:
    """What a training reads of frozen encoders."""
    train, small = ROWS[name].train, study.small
    if train.get("layers") != "frozen":
        return {}
    pooled = MEANS if name == "of-means" else {}
    pooling = "mean" if pooled else "none"
    starts = [study.folder(part) / "model.safetensors" for part in ["image", "text"] if "init_from" in train]
    features = {
        "image": small.features("vit-tiny", pooling=pooling, start=starts[0] if starts else None),
        "text": small.features("bert-tiny", pooling=pooling, start=starts[1] if starts else None),
    }
    return {"features": features, "starts": starts} | pooled
