import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of

from lungfuse.analyses.cnn_comparison import CNNComparison, compute, draw
from lungfuse.errors import UserError
from lungfuse.plan.load import load_study
from lungfuse.settings.comparison import Intervals
from lungfuse.tables.base import read_table, write_table

ENCODERS = {"image": "random:densenet121"}
MODELS = {
    "majority": model_config("majority"),
    "image_raw": model_config("image", images="raw", encoders=ENCODERS),
    "image_cut": model_config("image", images="segmented:unet-a", encoders=ENCODERS),
    "image_vgg": model_config("image", images="mask-only", encoders={"image": "vgg19"}),
}
PUBLISHED = {"image_raw": [0.5, 0.25], "image_cut": [0.75, 0.5], "image_vgg": []}


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    """A comparison in which cut-out images are always right, and the others half of the time."""
    labels = np.arange(60) % 2
    joined = []
    for name in MODELS:
        score = labels if name == "image_cut" else np.arange(60) // 2 % 2
        found = {"label": labels, "score": score, "prediction": score, "group": np.arange(60), "repeat": 0}
        joined.append(pd.DataFrame(found).assign(fold=np.arange(60) // 2 % 3))
    histories = []
    for name in PUBLISHED:
        for fold, accuracies in enumerate([[0.4, 0.5], [0.6, 1.0]]):
            histories.append(tmp_path / name / f"fold{fold}" / "history.csv")
            histories[-1].parent.mkdir(parents=True)
            pd.DataFrame({"epoch": [0, 1], "validation_accuracy": accuracies}).to_csv(histories[-1], index=False)
    results = results_of(MODELS, joined)
    found = compute(results, histories, PUBLISHED, Intervals(confidence=0.95, resamples=500), seed=0)
    write_table(found, tmp_path / "cnn_comparison.csv", CNNComparison)
    return read_table(tmp_path / "cnn_comparison.csv", CNNComparison).set_index("row", drop=False)


def test_models_with_published_epochs_are_scored_out_of_fold_and_epoch_by_epoch(table):
    assert list(table.index) == list(PUBLISHED)
    assert table["accuracy"].tolist() == [0.5, 1, 0.5]
    assert set(table["epoch_accuracies"]) == {"0.5000 0.7500"}, "means of both folds"
    assert table["published_accuracies"].tolist() == ["0.5000 0.2500", "0.7500 0.5000", ""]
    assert table["weights"].tolist() == ["random", "random", "published"]


def test_each_network_is_tested_against_itself_on_raw_images(table):
    assert table["p_vs_raw"]["image_cut"] < 0.01
    assert np.isnan(table["p_vs_raw"]["image_raw"]) and np.isnan(table["p_vs_raw"]["image_vgg"])


def test_a_network_has_a_panel_with_its_own_and_the_published_accuracies(table):
    figure = draw(table, "Small study")
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles == ["densenet121, random weights", "vgg19, published weights"]
    assert [len(panel.lines) for panel in figure.axes] == [5, 3], "two lines a model, and one half"


def test_published_epochs_are_of_networks_of_the_study(params):
    assert len(load_study(params | {"study": "openi-published"})[1].comparison.published_epochs) == 10
    params["studies"]["demo"]["comparison"] = {"published_epochs": {"tfidf": [0.5]}}
    message = r"demo\.comparison\.published_epochs: no network among the models is called tfidf"
    with pytest.raises(UserError, match=message):
        load_study(params | {"study": "demo"})
