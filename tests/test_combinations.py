"""Every task with every kind of inputs, from pairs to predictions: trained, compared and predicted.

In tasks of many classes or labels some pairs lack an input, and some labels are unknown.
"""

from contextlib import chdir
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from model_configs import LABELS
from small_study import LAYOUT, SmallStudy, run_stage, small_study

from lungfuse.plan.runs import run_names
from lungfuse.predict.predictor import Predictor
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import load_task

READ = {"image": "raw", "text": "findings", "structured": ["age", "sex"]}
UNIMODAL = [("image",), ("text",), ("structured",)]
FUSED = [*combinations(READ, 2), tuple(READ)]
COMPARISON = ComparisonSettings(
    confidence=0.95, resamples=100, margin=0.02, primary="auroc", timings=False, published=[]
)
TRAIN = {"layers": "frozen", "epochs": 4, "learning_rate": 1e-2}


class Models:
    """The models of a small study that are asked for, each trained once."""

    def __init__(self, small: SmallStudy):
        self.small = small
        self.configs: dict[str, ModelConfig] = {}

    def trained(self, modalities: tuple[str, ...]) -> str:
        """Train a model that reads these; returns its name."""
        name = "_".join(modalities)
        if name not in self.configs:
            architecture = modalities[0] if len(modalities) == 1 else "early"
            inputs = {each: READ[each] for each in modalities}
            config = self.small.model(name, architecture=architecture, inputs=inputs, train=TRAIN)
            for run in run_names(config.folds, 1):
                self.small.train(config, run)
            self.small.finish(config)
            self.configs[name] = config
        return name

    def compare(self, names: list[str]) -> pd.DataFrame:
        files = {"comparison_table": LAYOUT.table("comparison"), "comparison_page": LAYOUT.comparison_page}
        files["metrics"] = LAYOUT.results / "metrics.json"
        above = {"title": "small", "notice": "", "seed": 0, "comparison": COMPARISON}
        with chdir(self.small.folder):
            run_stage("compare", {"study": "small", "models": names} | above | files)
        return pd.read_csv(self.small.folder / files["comparison_table"]).set_index("row")

    def cases(self) -> pd.DataFrame:
        """Three pairs of fold 0 as new cases, one of them without its text."""
        pairs = self.small.pairs
        chosen = pairs[(pairs["fold"] == 0) & (pairs["image_id"] != "")].iloc[:3]
        images = [str(self.small.save_png(position)) for position in chosen.index]
        cases = pd.DataFrame({"id": chosen["pair_id"], "image": images, "text": chosen["findings"]})
        cases = cases.merge(self.small.structured, left_on="id", right_on="pair_id").drop(columns="pair_id")
        return cases.assign(text=["", *cases["text"][1:]])


@pytest.fixture(scope="module")
def models(tmp_path_factory, encoder_root):
    made = {}

    def of(task: str) -> Models:
        if task not in made:
            made[task] = Models(small_study(tmp_path_factory.mktemp(task), encoder_root, task))
        return made[task]

    return of


@pytest.mark.parametrize("modalities", FUSED, ids="-".join)
@pytest.mark.parametrize("task", LABELS)
def test_a_task_is_answered_from_any_set_of_modalities(models, task, modalities):
    study, asked = models(task), load_task(task, LABELS[task])
    fused, *parts = [study.trained(each) for each in [modalities, *((each,) for each in modalities)]]
    table = study.compare([fused, *parts])
    assert table.loc[fused, "reference"] in parts, "it is compared with the best of its parts"
    assert 0 <= table.loc[fused, "p_corrected"] <= 1
    assert table[asked.primary].between(0.3, 1).all()

    predictor = Predictor(study.small.fold(study.configs[fused]))
    found = pd.concat(predictor.predict(study.cases()))
    columns = asked.columns("score") + asked.columns("probability")
    assert len(found) == 3
    assert np.isfinite(found[columns].to_numpy(float)).all()
    if "text" in modalities:
        assert list(found["missing"]) == ["text", "", ""]


@pytest.mark.parametrize("task", LABELS)
def test_each_modality_alone_answers_a_task(models, task):
    study = models(task)
    table = study.compare([study.trained(each) for each in UNIMODAL])
    assert set(table.index) == {"image", "text", "structured"}
    assert table["reference"].isna().all(), "what reads one input has no part"
