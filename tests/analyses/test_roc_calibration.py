import numpy as np
import pandas as pd
import pytest

from lungfuse.analyses.confusion import draw_matrices
from lungfuse.analyses.roc_calibration import draw_curves
from lungfuse.report.scored import Scored


def test_each_of_many_models_has_panels_of_its_own_beside_the_best():
    labels = np.arange(40) % 2
    scores = [np.random.default_rng(n).random(40) for n in range(49)] + [labels * 0.9]
    rows = [
        Scored(f"row {n}", "text", pd.DataFrame({"label": labels, "score": score})) for n, score in enumerate(scores)
    ]
    panels = draw_curves(rows, "many rows").axes
    rocs = [panel for panel in panels[::2] if panel.lines]
    assert [panel.get_title(loc="left") for panel in rocs] == [row.name for row in rows]
    assert {len(panel.lines) for panel in rocs} == {3}, "the best model, its own, and the diagonal"
    best = rocs[-1].lines[1].get_xydata()
    assert all(np.array_equal(panel.lines[0].get_xydata(), best) for panel in rocs)


@pytest.fixture
def scored():
    """A row that is always right, and one whose scores are upside down for a third of the pairs."""
    labels = np.tile([0, 1], 60)
    scores = [
        (labels * 0.8 + 0.1).round(1),
        np.where(np.arange(120) % 3 == 0, 0.9 - labels * 0.8, labels * 0.8 + 0.1).round(1),
    ]
    tables = [
        pd.DataFrame({"label": labels, "score": score, "prediction": (score > 0.5).astype(int)}) for score in scores
    ]
    return [Scored(name, "text", table) for name, table in zip(["right", "mixed"], tables, strict=True)]


def test_a_confusion_matrix_counts_pairs_by_class_and_prediction(scored):
    right, mixed = draw_matrices(scored, ["normal", "lung"], "demo").axes
    assert [text.get_text() for text in right.texts] == ["60", "0", "0", "60"]
    assert [text.get_text() for text in mixed.texts] == ["40", "20", "20", "40"]


def test_a_confusion_matrix_has_a_line_a_class(draw):
    drawn = draw("multiclass")
    panel = draw_matrices([Scored("row", "image", drawn.joined(1))], drawn.task.labels, "drawn").axes[0]
    counts = np.array([int(text.get_text()) for text in panel.texts]).reshape(3, 3)
    assert counts.sum(axis=1).tolist() == np.bincount(drawn.pairs["label"]).tolist()
    assert counts.trace() == (drawn.joined(1)["label"] == drawn.joined(1)["prediction"]).sum()


def test_roc_and_brier_score_are_those_of_the_predictions(scored):
    panels = draw_curves(scored, "demo").axes
    assert [panel.texts[0].get_text() for panel in panels[:4]] == ["1.000", "0.010", "0.667", "0.277"]
    assert (0.0, 1.0) in list(zip(*panels[0].lines[1].get_data(), strict=True)), "all positives before any negative"
    mixed = panels[3].lines[0].get_ydata()
    assert mixed.min() == pytest.approx(1 / 3), "a third of the pairs scored low are positive"
