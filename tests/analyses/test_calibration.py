"""Slope, intercept and scores of probabilities, where it is known how wrong they are."""

import numpy as np
import pytest
from drawn_scores import INTERVALS, compared, predicted
from matplotlib.colors import to_rgba
from model_configs import model_config
from scipy.special import expit
from small_comparison import results_of

from lungfuse.analyses.calibration import compute, draw, losses_over_labels
from lungfuse.compare.calibration_curve import LabelRows
from lungfuse.compare.probabilities import calibrated_labels
from lungfuse.report.style import BLUE

KNOWN = {
    "true": {},
    "trained twice": {"repeats": 2},
    "too extreme": {"sharpness": 2},
    "too timid": {"sharpness": 0.5},
    "too high": {"shift": 1},
}


@pytest.fixture(scope="module")
def table():
    joined = [predicted(800, **arguments) for arguments in KNOWN.values()]
    return compute(compared(joined), INTERVALS, seed=0).assign(known=list(KNOWN)).set_index("known")


def holds(row, measure: str, value: float) -> bool:
    return row[f"{measure}_low"] < value < row[f"{measure}_high"]


@pytest.mark.parametrize("known", ["true", "trained twice"])
def test_true_probabilities_have_a_slope_of_one_and_are_neither_too_high_nor_too_low(table, known):
    row = table.loc[known]
    assert holds(row, "slope", 1) and holds(row, "intercept", 0) and holds(row, "observed_expected", 1)
    assert row["n"] == 800 and row["label"] == "lung"


def test_what_is_wrong_with_others_is_seen(table):
    assert holds(table.loc["too extreme"], "slope", 0.5) and not holds(table.loc["too extreme"], "slope", 1)
    assert holds(table.loc["too timid"], "slope", 2) and not holds(table.loc["too timid"], "slope", 1)
    assert holds(table.loc["too high"], "intercept", -1) and not holds(table.loc["too high"], "intercept", 0)
    assert holds(table.loc["too high"], "slope", 1) and table.loc["too high", "observed_expected_high"] < 0.9


def test_the_intercept_is_that_of_a_slope_of_one():
    joined = predicted(800, sharpness=2, shift=1)
    rows = LabelRows(calibrated_labels(compared([joined]).task, joined)[0], joined, INTERVALS, seed=0)
    assert expit(rows.odds + rows.intercept()[0]).mean() == pytest.approx(rows.labels.mean())


def test_true_probabilities_have_the_least_log_loss_and_brier_score(table):
    for score in ["log_loss", "brier"]:
        assert table[score].drop(index="trained twice").idxmin() == "true"
        assert table[f"{score}_low"].lt(table[score]).all() and table[f"{score}_high"].gt(table[score]).all()


@pytest.mark.parametrize("known", ["true", "too extreme"])
def test_the_curve_is_on_the_diagonal_where_probabilities_are_true(known):
    joined = predicted(800, **KNOWN[known])
    each = calibrated_labels(compared([joined]).task, joined)[0]
    curve = LabelRows(each, joined, INTERVALS, seed=0).curve()
    held = (curve.low < curve.probability) & (curve.probability < curve.high)
    assert held.mean() > 0.9 if known == "true" else held.mean() < 0.5
    assert (curve.low <= curve.share).all() and (curve.share <= curve.high).all()


def test_a_spline_that_separates_the_classes_gives_way_to_a_straight_line():
    joined = predicted(400)
    joined["label"] = (np.abs(joined["probability"] - 0.5) > 0.25).astype(int)
    curve = LabelRows(calibrated_labels(compared([joined]).task, joined)[0], joined, INTERVALS, seed=0).curve()
    assert np.isfinite([curve.share, curve.low, curve.high]).all()


def test_few_pairs_of_a_class_have_a_straight_line():
    joined = predicted(60)
    rows = LabelRows(calibrated_labels(compared([joined]).task, joined)[0], joined, INTERVALS, seed=0)
    curve = rows.curve()
    odds, shares = (np.log(each / (1 - each)) for each in (curve.probability, curve.share))
    np.testing.assert_allclose(np.diff(shares) / np.diff(odds), rows.slope_of_all())


def test_a_model_that_knows_nothing_of_a_pair_has_no_slope():
    share = predicted(200).assign(probability=0.4)
    share["probability"] += 0.01 * share["fold"]  # as of `majority`, whose folds differ
    row = compute(compared([share]), INTERVALS, seed=0).iloc[0]
    assert np.isnan(row["slope"]) and holds(row, "log_loss", row["log_loss"])


def test_classes_and_labels_have_a_row_each_and_one_of_all(draw):
    for name in ["multiclass", "multilabel"]:
        drawn = draw(name)
        joined = drawn.joined(noise=1, repeats=2)
        results = results_of({"image": model_config("image", images="raw")}, [joined], task=drawn.task)
        table = compute(results, INTERVALS, seed=0)
        assert table["label"].tolist() == ["", *drawn.task.labels]
        probabilities = drawn.task.of("probability", joined)
        losses, squares = losses_over_labels(drawn.task, joined, probabilities)
        assert table.loc[0, ["log_loss", "brier"]].tolist() == pytest.approx(
            [np.nanmean(losses), np.nanmean(squares)], abs=1e-4
        )
    own = probabilities[0][drawn.task.targets(joined)[0] == 1]
    missing = 1 - probabilities[0][drawn.task.targets(joined)[0] == 0]
    assert losses[0] == pytest.approx(-np.log([*own, *missing]).mean())


def test_the_figure_has_a_curve_and_a_band_a_model():
    panels = draw(compared([predicted(200), predicted(200, sharpness=2)]), INTERVALS, 0, "drawn").axes
    assert [panel.get_title(loc="left") for panel in panels] == ["image0", "image1"]
    assert all(to_rgba(BLUE) == to_rgba(panel.lines[1].get_color()) for panel in panels)
    assert all(len(panel.collections) == 1 for panel in panels)
