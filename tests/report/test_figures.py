from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.report.diagnostics import Scored, draw_confusion, draw_roc_calibration
from lungfuse.report.style import forest, plt

LABELS = {"title": "demo", "notice": "drawn", "task": "binary", "labels": ["normal", "lung"]}


def words(path) -> str:
    return " ".join(ElementTree.parse(path).getroot().itertext())


@pytest.fixture
def histories(tmp_path):
    paths = [tmp_path / f"models/text/fold{fold}/history.csv" for fold in range(2)]
    for path in paths:
        path.parent.mkdir(parents=True)
        losses = {"train_loss": [0.7, 0.5], "validation_loss": [0.7, 0.6]}
        pd.DataFrame({"epoch": [0, 1], **losses}).to_csv(path, index=False)
    return paths


def test_a_study_has_a_figure_for_each_table_it_has(tables, more_tables, histories, tmp_path):
    run_stage("figures", **LABELS, **tables, **more_tables, histories=histories, figures=tmp_path / "all")
    run_stage("figures", **LABELS, **tables, figures=tmp_path / "few")
    always = {"funnel", "distributions", "comparison", "confusion", "roc_calibration"}
    assert {path.stem for path in (tmp_path / "few").iterdir()} == always
    more = {
        "ablations",
        "segmentation",
        "cnn_comparison",
        "leakage",
        "sites",
        "curves",
        "words",
        "shortcuts",
        "missing",
    }
    assert {path.stem for path in (tmp_path / "all").iterdir()} == always | more
    assert all("demo (drawn)" in words(path) for path in (tmp_path / "all").iterdir())


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ("funnel", ["images", "2,000", "80"]),
        ("distributions", ["normal", "lung", "findings", "words (0 empty)", "Here", "There"]),
        ("comparison", ["majority", "tfidf, findings", "published", "0.950 (0.8"]),
        ("confusion", ["majority", "indication", "normal", "lung", "predicted"]),
        ("roc_calibration", ["text: ROC", "text: calibration", "tfidf, findings: 0."]),
        ("ablations", ["early, raw, findings:", "text alone", "-10.0 (-20.0 to -5.0)", "+1 -9"]),
        ("segmentation", ["unet-small, Montgomery (9 patients)", "0.960 (0.950-0.970)"]),
        ("cnn_comparison", ["vgg19, random weights", "segmented:unet-small", "published"]),
        ("leakage", ["findings", "0.700 without", "the same patient on both sides", "(cumulative)", "no control"]),
        ("words", ["findings", "hyperinflated (7)", "lung (7)"]),
        ("shortcuts", ["findings: number of words", "0.800 (0.700-0.900)"]),
        ("missing", ["early, raw, findings: all there (80 pairs)", "no image (80 pairs)", "0.800 (0.700-0.900)"]),
        ("sites", ["Here (80 pairs)", "There (80 pairs)"]),
    ],
)
def test_a_figure_shows_what_its_table_says(figure, shown, tables, more_tables, tmp_path):
    run_stage("figures", **LABELS, **tables, **more_tables, figures=tmp_path)
    found = words(tmp_path / f"{figure}.svg")
    assert [text for text in shown if text not in found] == []


def test_figures_are_the_same_bytes_every_time(tables, more_tables, tmp_path):
    for folder in "ab":
        run_stage("figures", **LABELS, **tables, **more_tables, figures=tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_a_study_of_the_majority_alone_has_no_curves_of_scores(tables, tmp_path):
    table = pd.read_csv(tables["comparison_table"], dtype=str)[:1]
    table.to_csv(tables["comparison_table"], index=False)
    run_stage("figures", **LABELS, **tables | {"predictions": tables["predictions"][:1]}, figures=tmp_path)
    assert not (tmp_path / "roc_calibration.svg").exists()


def test_a_forest_plot_has_its_limits_where_they_are():
    _, panel = plt.subplots()
    values = pd.DataFrame({"value": [0.8, 0.6], "low": [0.7, 0.5], "high": [0.95, 0.65]})
    forest(panel, ["one", "other"], values, ["black", "blue"], ["a", "b"])
    drawn = [bar.lines[2][0].get_segments()[0][:, 0] for bar in panel.containers]
    assert np.allclose(drawn, [[0.7, 0.95], [0.5, 0.65]])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["one", "other"]


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
    right, mixed = draw_confusion(scored, ["normal", "lung"], "demo").axes
    assert [text.get_text() for text in right.texts] == ["60", "0", "0", "60"]
    assert [text.get_text() for text in mixed.texts] == ["40", "20", "20", "40"]


def test_roc_and_brier_score_are_those_of_the_predictions(scored):
    roc, calibration, names = draw_roc_calibration(scored, "demo").axes
    legend = [text.get_text() for text in names.get_legend().get_texts()]
    assert legend == ["right: 1.000, 0.010", "mixed: 0.667, 0.277"]
    curve = roc.lines[0]
    assert (0.0, 1.0) in list(zip(*curve.get_data(), strict=True)), "all positives before any negative"
    mixed = calibration.lines[1].get_ydata()
    assert mixed.min() == pytest.approx(1 / 3), "a third of the pairs scored low are positive"
