"""Rows of every kind, trained for an epoch on the small study of each task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from small_study import LABELS, SETTINGS, SmallStudy, small_study

from lungfuse.predict.predictor import Predictor
from lungfuse.settings.rows import Row

READS = {"image": "raw", "text": "findings", "structured": ["age", "sex"]}


def row(model: str, *modalities: str, **others) -> Row:
    return Row(model=model, inputs={name: READS[name] for name in modalities}, **others)


BASELINES = {
    "majority": row("majority"),
    "tfidf": row("tfidf", "text"),
    "logistic": row("logistic", "structured"),
    "boosting": row("boosting", "structured"),
}
PROBES = {"probe": row("linear-probe", "image", "text")}
NETWORKS = {
    "image": row("image", "image"),
    "structured": row("structured", "structured"),
    "early": row("early", "image", "text"),
    "irene": row("irene", "image", "text", "structured"),
    "without-text": row("early", "image", "text", ablation="dropped-text"),
}
FROZEN = {"kv-exchange": row("kv-exchange", "image", "text", "structured")}
LATE = {"late-stacked": row("late-stacked", "image", "text", "structured")}
ROWS = [*BASELINES, *PROBES, *NETWORKS, *FROZEN, *LATE]


@dataclass(frozen=True)
class Trained:
    """A small study with rows in `models`, all of fold 0."""

    small: SmallStudy
    models: Path

    def folder(self, name: str) -> Path:
        return self.models / name if name in LATE else self.models / name / "fold0"

    def predictor(self, name: str) -> Predictor:
        return Predictor(self.folder(name), self.small.encoder_root)

    def scores(self, name: str) -> pd.DataFrame:
        """The scores that its training gave the pairs of the test fold."""
        late = name in LATE
        found = pd.read_csv(self.models / f"{name}.csv" if late else self.folder(name) / "predictions.csv")
        return found.query("fold == 0" if late else "part == 'test'").set_index("pair_id")

    def cases(self, count: int | None = None) -> pd.DataFrame:
        """Pairs of the test fold as new cases: files of images, texts and values."""
        pairs = self.small.pairs[self.small.pairs["fold"] == 0][:count]
        images = [str(self.small.save_png(n)) if pairs["image_id"][n] else "" for n in pairs.index]
        values = self.small.structured.loc[pairs.index, ["age", "sex"]]
        return pd.DataFrame({"id": pairs["pair_id"], "image": images, "text": pairs["findings"]}).join(values)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, encoder_root) -> Callable[[str], Trained]:
    """The rows of a task, trained when they are first asked for."""
    done: dict[str, Trained] = {}

    def of_task(task: str) -> Trained:
        if task not in done:
            small = small_study(tmp_path_factory.mktemp(task), encoder_root, task)
            done[task] = Trained(small, small.folder / "models")
            _train(done[task])
        return done[task]

    return of_task


def _train(study: Trained) -> None:
    from lungfuse.train import baseline, late, linear_probe

    small, models = study.small, study.models
    asked = {"task": small.task, "labels": LABELS[small.task], "class_weights": "balanced", "seed": 0}
    pairs = {name: small.files[name] for name in ["pairs", "validation"]}
    columns = {name: small.files[name] for name in ["structured", "columns"]}

    def outputs(name: str) -> dict:
        files = {"predictions": models / f"{name}.csv", "validated": models / f"{name}.validated.csv"}
        return files | {"models": models / name}

    for name, each in BASELINES.items():
        baseline.main(row=each, **asked, **pairs, **columns, **outputs(name))
    features = {"image": small.features("vit-tiny"), "text": small.features("bert-tiny")}
    encoders = {"encoders": SETTINGS["encoders"], "images": SETTINGS["images"]}
    linear_probe.main(
        row=PROBES["probe"], **asked, **encoders, **pairs, features=[*features.values()], **outputs("probe")
    )
    for name, each in NETWORKS.items():
        small.train(study.folder(name), each, epochs=1)
    for name, each in FROZEN.items():
        small.train(study.folder(name), each, {"features": features}, layers="frozen", epochs=2)
    first = small.folder / "fold0.csv"
    small.pairs[small.pairs["fold"] == 0].to_csv(first, index=False)
    for name, each in LATE.items():
        parts = {"image": "image", "text": "tfidf", "structured": "boosting"}
        late.main(
            row=each, task=small.task, labels=LABELS[small.task], pairs=first, parts=[*parts],
            fold_predictions=[models / part / "fold0/predictions.csv" for part in parts.values()],
            predictions=models / f"{name}.csv", validated=models / f"{name}.validated.csv",
            settings=models / name / "settings.json",
        )  # fmt: skip
