"""The table and the figure of searches: best settings, importance, optimism, and the gain over the control."""

import io
import json
from collections.abc import Iterator
from contextlib import chdir

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from small_search import run_search, search_of
from small_study import LAYOUT, SmallStudy, small_study

from lungfuse.analyses.search import TABLE, compute, counterparts, draw, importances, pooled, searched
from lungfuse.compare.results import Compared, Results
from lungfuse.search.trials import Outcome, Trial, read_trials
from lungfuse.settings.comparison import Intervals
from lungfuse.settings.search import Interval
from lungfuse.tables.base import read_table, write_table

SPACE = {
    "settings.c": Interval(low=1e-3, high=1.0, log=True, whole=False),
    "settings.min_df": Interval(low=1, high=20, whole=True),
    "settings.words": [[1, 1], [1, 2]],
}
TFIDF = {"architecture": "tfidf", "text": "findings"}
INTERVALS = Intervals(confidence=0.95, resamples=100)


@pytest.fixture(scope="module")
def results(tmp_path_factory, encoder_root) -> Iterator[Results]:
    """A TF-IDF with a search, with a random one, and as it is; a third of the findings say the wrong thing."""
    folder = tmp_path_factory.mktemp("searches")
    with chdir(folder):
        yield searched_study(small_study(folder, encoder_root))


def searched_study(small: SmallStudy) -> Results:
    wrong = np.arange(60) % 3 == 0
    swapped = small.pairs["findings"].str.replace("low", "x").str.replace("clear", "low").str.replace("x", "clear")
    small.pairs["findings"] = small.pairs["text"] = small.pairs["findings"].where(~wrong, swapped)
    small.write()
    for name, sampler in {"searched": "tpe", "random": "random"}.items():
        config = small.model(name, **TFIDF, search=search_of(SPACE, width=3, sampler=sampler))
        run_search(small, config, ("0", "1", "2"))
        small.fit(config)
    small.fit(small.model("plain", **TFIDF))
    return Results(Compared(study="small", models=["searched", "random", "plain"]))


def test_the_table_says_what_won_what_it_scores_and_what_it_gains(results, tmp_path):
    table = compute(results, INTERVALS, seed=0)
    write_table(table, tmp_path / "search.csv", TABLE)
    read = read_table(tmp_path / "search.csv", TABLE)
    of_folds = read[read["fold"].notna() & (read["model"] == "searched")].set_index("fold")
    assert list(of_folds.index) == [0, 1, 2]
    for fold, row in of_folds.iterrows():
        files = LAYOUT.search("searched", str(fold)).glob("*/outcome.json")
        assert row["inner"] == max(json.loads(file.read_text())["value"] for file in files)
        predicted = results.predictions[0][results.predictions[0]["fold"] == fold]
        assert row["outer"] == pytest.approx(roc_auc_score(predicted["label"], predicted["score"]), abs=1e-6)
        assert row["optimism"] == pytest.approx(row["inner"] - row["outer"], abs=1e-6)
        won = json.loads(LAYOUT.best("searched", str(fold)).read_text())["point"]
        assert f"settings.min_df {won['settings.min_df']}, settings.words {won['settings.words']}" in row["settings"]
        assert (row["trials"], row["pruned"]) == (6, 0)
    every = read[read["fold"].isna()].set_index(["model", "against"])
    assert list(every.index) == [("searched", "random"), ("searched", "plain"), ("random", "plain")]
    assert (every["trials"] == 18).all()
    assert every.loc[("searched", "random"), "optimism"] == pytest.approx(of_folds["optimism"].mean(), abs=1e-5)
    trainings = results.scored.trainings
    gain = trainings[0][0].value - trainings[2][0].value
    row = every.loc[("searched", "plain")]
    assert row["gain"] == pytest.approx(gain, abs=1e-6)
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]


def test_importance_is_given_to_what_matters_and_to_nothing_where_trials_are_alike(results):
    config = results.models[0]
    trials = [trial for run in ["0", "1", "2"] for trial in read_trials(config, run, 2)]

    def scored(value):
        return importances([Trial(each.config, Outcome(value=value(each.config.point))) for each in trials], config)

    assert scored(lambda point: point["settings.min_df"] / 20).startswith("settings.min_df")
    assert scored(lambda point: np.log10(point["settings.c"])).startswith("settings.c")
    assert scored(lambda point: 0.5) == ""


def test_pooled_trials_are_as_far_above_their_fold_as_they_were(results):
    trials = searched(results)[0]
    found = pd.Series([each.outcome.value for each in pooled(trials)])
    assert len(found) == 18
    for place, each in enumerate(trials.values()):
        values = pd.Series([trial.outcome.value for trial in each])
        np.testing.assert_allclose(found[place::3], values - values.mean())


def test_counterparts_differ_in_their_search_alone(results):
    models = results.models
    assert [counterparts(models, n) for n in range(2)] == [[1, 2], [2]]
    shorter = models[1].model_copy(update={"search": models[1].search.model_copy(update={"rounds": 1})})
    assert counterparts([models[0], shorter], 0) == [], "another budget is no control"


def test_the_figure_has_a_panel_a_setting_and_is_the_same_again(results):
    figure = draw(results, "small")
    texts = [axes.get_xlabel() for axes in figure.get_axes()]
    assert [text for text in texts if text in SPACE] == [*SPACE] * 2
    assert texts.count("importance") == texts.count("Trial") == 2

    def picture(figure):
        content = io.StringIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
        return content.getvalue()

    assert picture(figure) == picture(draw(results, "small"))
