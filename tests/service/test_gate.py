"""The gate of retraining: of twenty bad updates none becomes active, of twenty good ones eighteen do.

Cases are drawn, models are logistic regressions on their columns; folds, checks and statistics are those of studies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
import small_check
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungfuse.check.checked import Checked
from lungfuse.check.finding import table_of
from lungfuse.check.findings import load_findings
from lungfuse.compare.scores import join_predictions
from lungfuse.ingest.kept_split import kept_split
from lungfuse.ingest.split import draw
from lungfuse.settings.ingest import SplitSettings
from lungfuse.statistics.gains import MIN_GROUPS
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import Folds, Validation
from lungfuse.tasks import load_task
from lungfuse_service.inference.gate import Refusal, Rules, Trial, data_refusals, judge
from lungfuse_service.updates.actions import LEAST

TASK = load_task("binary", ["healthy", "sick"])
COLUMNS = ["crp", "age", "pulse", "oxygen", "leucocytes"]
EFFECT = np.array([0.9, 0.6, 0.4, -0.7, 0.5])
SPLIT = SplitSettings(folds=5, validation=0.15)
RULES = Rules("auroc", margin=0.02, confidence=0.95, seed=0)
STUDY = 400
STOPPING = ["classes", "giveaway", "groups"]  # kinds of findings that can stop such a study


def draw_cases(count: int, seed: int, name: str) -> pd.DataFrame:
    """Cases of patients, some of whom have two, with five values and a department that says nothing."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(count) % 2)
    values = rng.normal(size=(count, 5)) + np.outer(label - 0.5, EFFECT)
    frame = pd.DataFrame(values.round(4), columns=COLUMNS)
    patient = np.minimum(rng.integers(0, 8 * count, count) // 8, count - 1)
    return frame.assign(
        label=label,
        patient=[f"{name}{number}" for number in patient],
        department=rng.choice(["a", "b", "c"], count),
    )


@cache
def study() -> pd.DataFrame:
    return draw_cases(STUDY, 0, "study")


def checked(cases: pd.DataFrame) -> Checked:
    """The cases as the data check reads them; pairs are numbered in their order."""
    inputs = cases[[*COLUMNS, "department"]].astype(object)
    values = inputs.where(inputs.notna(), "").map(str).assign(outcome=np.where(cases["label"] == 1, "sick", "healthy"))
    kinds = dict.fromkeys(COLUMNS, "number") | {"department": "category"}
    reads = {"structured": [*COLUMNS, "department"]}
    return small_check.study(cases[["patient"]], values, reads=reads, kinds=kinds)


def out_of_fold(cases: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The table `Predictions` of a logistic regression on the columns of cases, in the folds of their pairs."""
    fold = pairs["fold"].to_numpy()
    inputs = pd.get_dummies(cases[[*COLUMNS, "department"]]).fillna(0.0).to_numpy(float)
    absent = cases[COLUMNS].isna().to_numpy(float)
    inputs = np.hstack([inputs, absent])
    score = np.empty(len(cases))
    for number in range(SPLIT.folds):
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(inputs[fold != number], cases["label"][fold != number])
        score[fold == number] = model.predict_proba(inputs[fold == number])[:, 1]
    found = pd.DataFrame({"pair_id": pairs["pair_id"], "label": pairs["label"], "fold": fold, "repeat": 0})
    found = found.assign(score=score, probability=score)
    return found.assign(prediction=(score >= 0.5).astype(int))


@dataclass(frozen=True)
class Before:
    """The study with its folds in files, and what the active model says of its cases."""

    pairs: pd.DataFrame
    folds: pd.DataFrame
    joined: pd.DataFrame
    kept: tuple


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Before:
    made = draw(checked(study()).cases, SPLIT, 0, TASK)
    folder = tmp_path_factory.mktemp("kept")
    kept = (folder / "folds.csv", folder / "validation.csv")
    write_table(made.folds, kept[0], Folds)
    write_table(made.validation, kept[1], Validation)
    predictions = out_of_fold(study(), made.pairs)
    joined = join_predictions(TASK, made.pairs, predictions, "active", made.folds)
    return Before(made.pairs, made.folds, joined, kept)


def update(before: Before, added: pd.DataFrame) -> tuple[dict, list[Refusal]]:
    """What the gate says of the study with added cases, and why it refuses them."""
    cases = pd.concat([study(), added], ignore_index=True)
    data, new = checked(cases), np.arange(len(cases)) >= STUDY
    findings = table_of({name: list(load_findings(name).findings(data)) for name in STOPPING})
    if refused := data_refusals(data, new, findings, []):
        return {}, refused
    made = kept_split(data.cases, before.kept, SPLIT, 0, TASK)
    predictions = out_of_fold(cases, made.pairs)
    own = predictions["pair_id"].isin(before.pairs["pair_id"])
    after = join_predictions(TASK, before.pairs, predictions[own], "new", before.folds)
    joined = join_predictions(TASK, made.pairs, predictions, "new", made.folds)
    return judge(TASK, Trial(before.joined, after, joined[new]), RULES)


def good(seed: int, count: int = 60) -> pd.DataFrame:
    return draw_cases(count, 100 + seed, f"new{seed}-")


def shuffled(seed: int) -> pd.DataFrame:
    cases = good(seed)
    return cases.assign(label=np.random.default_rng(seed).permutation(cases["label"]))


def turned(seed: int) -> pd.DataFrame:
    cases = good(seed)
    return cases.assign(label=1 - cases["label"])


def joined_wrongly(seed: int) -> pd.DataFrame:
    """The values of each case are those of the next."""
    cases = good(seed)
    return cases.assign(**{name: np.roll(cases[name], 1) for name in COLUMNS})


def duplicated_patients(seed: int) -> pd.DataFrame:
    """Some are cases of the study under other names."""
    copied = study().sample(30, random_state=seed)
    copied = copied.assign(patient=[f"again{n}" for n in range(30)])
    return pd.concat([good(seed, 40), copied], ignore_index=True)


def entered_twice(seed: int) -> pd.DataFrame:
    """Each case comes again as that of another patient."""
    cases = good(seed, 40)
    again = cases.assign(patient=[f"b{n}" for n in range(40)])
    return pd.concat([cases, again], ignore_index=True)


def leaking_column(seed: int) -> pd.DataFrame:
    """The pulse was written down after the diagnosis."""
    cases = good(seed)
    return cases.assign(pulse=(4 * cases["label"] + np.random.default_rng(seed).normal(size=len(cases))).round(4))


def leaking_category(seed: int) -> pd.DataFrame:
    """Patients were sent to another department for the diagnosis."""
    cases = good(seed)
    return cases.assign(department=np.where(cases["label"] == 1, "b", "a"))


def leaking_absence(seed: int) -> pd.DataFrame:
    """The oxygen was measured in the sick alone."""
    cases = good(seed)
    return cases.assign(oxygen=cases["oxygen"].where(cases["label"] == 1))


def in_another_unit(seed: int) -> pd.DataFrame:
    """As many hundredths as the study has wholes."""
    cases = good(seed)
    return cases.assign(**{name: 100 * cases[name] for name in COLUMNS})


def of_one_class(seed: int) -> pd.DataFrame:
    return good(seed).assign(label=1)


def too_few(seed: int) -> pd.DataFrame:
    return good(seed, 12)


BAD: list[tuple[Callable[[int], pd.DataFrame], int]] = [
    *((shuffled, seed) for seed in range(3)),
    *((turned, seed) for seed in range(2)),
    *((joined_wrongly, seed) for seed in range(2)),
    *((duplicated_patients, seed) for seed in range(3)),
    *((entered_twice, seed) for seed in range(2)),
    *((leaking_column, seed) for seed in range(3)),
    (leaking_category, 0),
    (leaking_absence, 0),
    (in_another_unit, 0),
    (of_one_class, 0),
    (too_few, 0),
]
EXPECTED = {
    shuffled: {"labels", "worse"}, turned: {"labels", "worse"}, joined_wrongly: {"labels", "worse"},
    duplicated_patients: {"duplicates"}, entered_twice: {"duplicates"}, leaking_column: {"leak", "check"},
    leaking_category: {"leak", "check"}, leaking_absence: {"leak", "check"}, in_another_unit: {"worse"},
    of_one_class: {"labels"}, too_few: {"few"},
}  # fmt: skip


def test_of_twenty_bad_updates_none_becomes_active(before):
    assert len(BAD) == 20
    for make, seed in BAD:
        _, refused = update(before, make(seed))
        assert {each.kind for each in refused} & EXPECTED[make], (make.__name__, seed, refused)


def test_of_twenty_good_updates_at_least_eighteen_become_active(before):
    sizes = [40, 50, 60, 90, 120]
    refused = {seed: update(before, good(seed, sizes[seed % 5]))[1] for seed in range(20)}
    assert sum(not each for each in refused.values()) >= 18, {seed: each for seed, each in refused.items() if each}


def test_the_page_asks_for_as_many_patients_as_the_gate_needs():
    """A constant of its own, for the pages import no statistics."""
    assert LEAST == MIN_GROUPS
