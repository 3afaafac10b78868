"""Every task with every kind of inputs, from pairs to the report: trained, compared, drawn and predicted.

Pairs are drawn; in tasks of many classes or labels some of them lack an input, and some labels are unknown.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from small_study import LABELS, run_stage, small_study

from lungfuse.predict.predictor import Predictor
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row
from lungfuse.tasks import load_task

READ = {"image": "raw", "text": "findings", "structured": ["age", "sex"]}
UNIMODAL = [("image",), ("text",), ("structured",)]
FUSED = [*combinations(READ, 2), tuple(READ)]
COMPARISON = ComparisonSettings(confidence=0.95, resamples=100, timings=False, published=[])
FOLDS = range(3)


class Rows:
    """The rows of a small study that are asked for, each trained once."""

    def __init__(self, folder, encoder_root, task):
        self.study, self.folder = small_study(folder, encoder_root, task), folder
        self.trained: dict[str, Row] = {}
        self.features = {"image": self.study.features("vit-tiny"), "text": self.study.features("bert-tiny")}

    def row(self, modalities) -> str:
        """Train a row that reads these; returns its name."""
        name = "_".join(modalities)
        if name not in self.trained:
            model = modalities[0] if len(modalities) == 1 else "early"
            self.trained[name] = Row(model=model, inputs={each: READ[each] for each in modalities})
            self._train(name)
        return name

    def _train(self, name: str) -> None:
        scores = []
        for fold in FOLDS:
            folder = self.folder / "models" / name / f"fold{fold}"
            learning = {"layers": "frozen", "epochs": 4, "learning_rate": 1e-2}
            features = {each: path for each, path in self.features.items() if each in self.trained[name].inputs}
            arguments = self.study.arguments(folder, self.trained[name], **learning)
            run_stage("train", **arguments | {"fold": fold, "features": features})
            scores.append(folder / "predictions.csv")
        run_stage(
            "pool-folds", **self.asked, pairs=self.study.files["pairs"], fold_predictions=scores, **self.scores(name)
        )

    @property
    def asked(self) -> dict:
        return {"task": self.study.task, "labels": LABELS[self.study.task]}

    def scores(self, name: str) -> dict:
        return {kind: self.folder / kind / f"{name}.csv" for kind in ["predictions", "validated"]}

    def compare(self, names: list[str]) -> pd.DataFrame:
        outputs = ["comparison", "ablations", "calibration", "per_label", "missing"]
        tables = {f"{name}_table": self.folder / f"{name}.csv" for name in outputs}
        scores = [self.scores(name) for name in names]
        run_stage(
            "compare", **self.asked, **tables, title="small", notice="drawn", seed=0, comparison=COMPARISON,
            models=[self.trained[name] for name in names], pairs=self.study.files["pairs"],
            encoders=self.study.arguments(self.folder)["encoders"], structured=self.study.files["structured"],
            predictions=[each["predictions"] for each in scores], validated=[each["validated"] for each in scores],
            comparison_page=self.folder / "comparison.md", metrics=self.folder / "metrics.json",
        )  # fmt: skip
        return pd.read_csv(tables["comparison_table"]).set_index("row")

    def draw(self, names: list[str]) -> set[str]:
        """Draw the figures of a comparison; returns their names."""
        pd.DataFrame({"step": ["pairs"], "count": [60]}).to_csv(self.folder / "funnel.csv", index=False)
        more = [self.folder / f"{name}.csv" for name in ["per_label", "missing"] if self.study.task != "binary"]
        run_stage(
            "figures", **self.asked, title="small", notice="drawn", pairs=self.study.files["pairs"],
            funnel=self.folder / "funnel.csv", comparison_table=self.folder / "comparison.csv",
            predictions=[self.scores(name)["predictions"] for name in names], tables=more,
            figures=self.folder / "figures",
        )  # fmt: skip
        return {path.stem for path in (self.folder / "figures").glob("*.svg")}

    def cases(self) -> pd.DataFrame:
        """Three pairs of fold 0 as new cases, one of them without its text."""
        chosen = self.study.pairs[(self.study.pairs["fold"] == 0) & (self.study.pairs["image_id"] != "")].iloc[:3]
        images = [str(self.study.save_png(position)) for position in chosen.index]
        cases = pd.DataFrame({"id": chosen["pair_id"], "image": images, "text": chosen["findings"]})
        cases = cases.merge(self.study.structured, left_on="id", right_on="pair_id").drop(columns="pair_id")
        return cases.assign(text=["", *cases["text"][1:]])


@pytest.fixture(scope="module")
def rows(tmp_path_factory, encoder_root):
    made = {}

    def of(task: str) -> Rows:
        if task not in made:
            made[task] = Rows(tmp_path_factory.mktemp(task), encoder_root, task)
        return made[task]

    return of


@pytest.mark.parametrize("modalities", FUSED, ids="-".join)
@pytest.mark.parametrize("task", LABELS)
def test_a_task_is_answered_from_any_set_of_modalities(rows, task, modalities):
    study = rows(task)
    asked = load_task(task, LABELS[task])
    fused, *parts = [study.row(each) for each in [modalities, *((each,) for each in modalities)]]
    table = study.compare([fused, *parts])
    assert table.loc[fused, "reference"] in parts, "it is held against the best of its parts"
    assert 0 <= table.loc[fused, "p_corrected"] <= 1
    assert table[asked.primary].between(0.3, 1).all()
    if len(modalities) == len(READ):
        assert {"comparison", "distributions", "funnel"} <= study.draw([fused, *parts])

    predictor = Predictor(study.folder / "models" / fused, study.study.encoder_root)
    found = pd.concat(predictor.predict(study.cases()))
    columns = asked.columns("score") + asked.columns("probability")
    assert len(found) == 3
    assert np.isfinite(found[columns].to_numpy(float)).all()
    if "text" in modalities:
        assert list(found["missing"]) == ["text", "", ""]


@pytest.mark.parametrize("task", LABELS)
def test_each_modality_alone_answers_a_task(rows, task):
    table = rows(task).compare([rows(task).row(each) for each in UNIMODAL])
    assert set(table.index) == {"image", "text", "structured"}
    assert table["reference"].isna().all(), "what reads one input has no part"
