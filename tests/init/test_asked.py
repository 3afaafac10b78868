"""Grades and numbers: what `init` makes of a label column, and a number from its table to a verdict."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_tables import cases, init, new_place

from lungfuse.errors import UserError
from lungfuse.init.asked import asked
from lungfuse.init.profile import profiles_of
from lungfuse.new_cases.predict import Known
from lungfuse.new_cases.predict import main as predict
from lungfuse.parameters import AskedCases
from lungfuse.plan.plan import Plan
from lungfuse.settings.model import ModelSettings
from lungfuse.stages import call
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Comparison, Verdict
from lungfuse.tables.ingest import Pairs, Rejected
from lungfuse.tables.training import Predictions


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(new_place(tmp_path / "project"))
    return Path("cases.csv")


def question(*words: str, rows: int = 120, **said):
    profile = profiles_of(pd.DataFrame({"level": np.resize(words, rows)}))["level"]
    return asked([profile], [], [], **said)


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (list("31402"), ["0", "1", "2", "3", "4"]),
        (["severe", "none", "mild", "moderate"], ["none", "mild", "moderate", "severe"]),
        (["schwer", "leicht", "keine"], ["keine", "leicht", "schwer"]),
        (["++", "-", "+++", "+"], ["minus", "plus", "plus-plus", "plus-plus-plus"]),
    ],
)
def test_grades_are_known_by_their_order(words, order):
    found = question(*words)
    assert found.task == "ordinal" and [rule.name for rule in found.rules] == order
    assert "--task multiclass" in found.unsure[-1]
    assert question(*words, task="multiclass").task == "multiclass"


def test_words_without_a_known_order_are_classes():
    assert question("nevus", "melanoma", "keratosis").task == "multiclass"
    with pytest.raises(UserError, match="are no grades whose order is known"):
        question("nevus", "melanoma", "keratosis", task="ordinal")


def test_many_numbers_are_asked_for_as_a_number_in_a_range():
    found = question(*(f"{number / 2}" for number in range(41, 150)))
    assert found.task == "regression" and found.rules[0].range == [20, 75]
    assert "20 to 75" in found.unsure[0]
    assert question(*map(str, range(12)), task="regression").rules[0].range == [0, 11]
    with pytest.raises(UserError, match="holds 4 different numbers, expected 10 or more"):
        question(*"0123", task="regression")


def test_a_number_goes_from_its_table_to_a_verdict(here):
    table = cases(160)
    rng = np.random.default_rng(0)
    age = table["age"].astype(int)
    bones = np.where(age > 55, "old bones", "young bones")
    table = table.assign(
        note=[
            f"Seen on day {n}: the film shows {bone} of the hand."
            for bone, n in zip(bones, rng.permutation(160), strict=True)
        ]
    )
    table["density"] = (0.6 * age + 20 + rng.normal(0, 8, 160)).round(1).astype(str).str.replace(".", ",")
    table.loc[7, "density"] = ""
    table.drop(columns=["diagnosis", "file"]).to_csv(here, index=False, sep=";")
    made = init(here, label=["density"], same_texts="apart")
    assert made.study.task == "regression" and made.study.comparison.primary == "concordance"
    assert "tfidf" in made.study.models and made.study.models["tfidf"].architecture == "tfidf-logistic"
    plan = Plan("odd", made.study)
    models = ["mean", "tfidf", "logistic", "late"]
    entries = {name: made.study.models[name] for name in models[:-1]}
    late = ModelSettings(architecture="late-stacked", text="note", structured=["age", "sex"])
    late = late.model_copy(update={"parts": {"text": "tfidf", "structured": "logistic"}})
    small = {"split": made.study.split.model_copy(update={"folds": 2, "repeats": 1})}
    small |= {"comparison": made.study.comparison.model_copy(update={"resamples": 100})}
    plan = Plan("odd", made.study.model_copy(update={"models": entries | {"late": late}} | small))
    for job in [plan.reports(), plan.filter(), plan.data_check(), plan.split(), *map(plan.model, models)]:
        call(job.stage, job.arguments)
    for name in models:
        call("late" if name == "late" else "fit", {"model": plan.layout.model(name)})
    for job in [plan.compare(), plan.analysis("verdict")]:
        call(job.stage, job.arguments)
    assert len(read_table(plan.layout.split["pairs"], Pairs)) == 159
    rejected = read_table(plan.layout.candidates["rejected"], Rejected)
    assert "has no number in density" in set(rejected["reason"])
    found = read_table(plan.layout.predictions("late")["predictions"], Predictions)
    assert np.abs(found["prediction"] - found["label"]).mean() < 9, "in its unit"
    alone = read_table(plan.layout.predictions("logistic")["predictions"], Predictions)
    assert abs(alone["prediction"].mean() - alone["label"].mean()) < 2, (
        "the ends of the range are no classes to balance"
    )
    table = read_table(plan.comparison_table, Comparison).set_index("row")
    assert table.loc["mean", "concordance"] == 0.5 and abs(table.loc["mean", "r2"]) < 0.1
    assert table.loc["late", "r2"] > 0.4 and table.loc["late", "mae"] < 9
    verdict = read_table(plan.layout.table("verdict"), Verdict)
    assert verdict["metric"].tolist() == ["concordance"] and verdict["word"].notna().all()
    predict(
        model=plan.layout.model_folder("late"),
        asked=AskedCases(cases=here),
        known=Known(truth="density"),
        out=Path("new.csv"),
    )
    new, scores = pd.read_csv("new.csv"), pd.read_csv("new.scores.csv").set_index("metric")
    assert new["label"].between(20, 90).all() and "positive" not in new
    assert scores.loc["r2", "value"] > 0.4 and scores.loc["concordance", "n"] == 159
