import numpy as np
import pytest
from small_fusions import drawn

from lungfuse.analyses.power import WORDS, compute, draw
from lungfuse.analyses.verdict import compute as verdict_of
from lungfuse.settings.comparison import Intervals

INTERVALS = Intervals(confidence=0.95, resamples=400)
COUNT = 2000


def study(cases: int, text: float = 0.3, seed: int = 0):
    """The first cases of a study whose fusion adds a weak text to an image, as well as can be."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, (COUNT, 1))
    odds = {"image": 1.2 * label + rng.normal(size=(COUNT, 1)), "text": text * label + rng.normal(size=(COUNT, 1))}
    odds["early"] = 1.2 * odds["image"] + text * odds["text"]
    return drawn({name: each[:cases] for name, each in odds.items()}, label[:cases])


def at(table, groups: int):
    return table.set_index("groups").loc[groups]


def test_a_quarter_of_a_study_forecasts_the_width_and_the_word_of_the_whole():
    """The quarter is inconclusive, the whole shows a gain that is within the margin."""
    quarter, whole = study(COUNT // 4), study(COUNT)
    forecast, error = (
        at(compute(quarter, INTERVALS, 0.02, {}, 0), COUNT),
        at(compute(whole, INTERVALS, 0.02, {}, 0), COUNT)["error"],
    )
    assert forecast["error"] == pytest.approx(error, rel=0.35)
    words = [verdict_of(results, INTERVALS, 0.02, {}, 0).iloc[0]["word"] for results in (quarter, whole)]
    assert words == ["inconclusive", "equivalent"]
    assert forecast["equivalent"] > 0.5 and forecast["inconclusive"] < 0.05 and forecast["worse"] < 0.01


def test_what_a_quarter_forecasts_almost_surely_comes_nearly_always():
    came = []
    for seed in range(20):
        forecast = at(compute(study(COUNT // 4, seed=seed), INTERVALS, 0.02, {}, 0), COUNT)[WORDS]
        if forecast.max() > 0.9:
            said = verdict_of(study(COUNT, seed=seed), INTERVALS, 0.02, {}, 0).iloc[0]["word"]
            came.append(said == forecast.astype(float).idxmax())
    assert len(came) > 4 and np.mean(came) > 0.85


def test_a_study_that_needs_no_more_cases_says_so_and_few_groups_forecast_nothing():
    decided = compute(study(COUNT, text=1.5), INTERVALS, 0.02, {}, 0)
    assert (decided["groups_to_decide"] == COUNT).all() and decided["better"].iloc[0] == 1
    results = study(200)
    few = drawn({"image": np.zeros((30, 1))}, results.joined[0][["label"]].to_numpy()[:30], groups=np.arange(30) % 10)
    assert compute(few, INTERVALS, 0.02, {}, 0).empty


def test_the_figure_has_a_panel_for_each_fusion():
    table = compute(study(COUNT // 4), INTERVALS, 0.02, {}, 0)
    assert draw(table, "small study").axes[0].get_title(loc="left") == "image + findings"
    assert draw(table[:0], "small study").axes
