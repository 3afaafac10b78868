import pandas as pd
import pytest

from lungfuse.analyses.curves import draw
from lungfuse.report.style import BLUE


@pytest.fixture
def histories(tmp_path):
    paths = []
    for row in ["image", "kv-exchange"]:
        for fold in range(2):
            paths.append(tmp_path / f"models/{row}/fold{fold}/history.csv")
            paths[-1].parent.mkdir(parents=True)
            losses = {"train_loss": [0.7, 0.5, 0.4 + fold], "validation_loss": [0.7, 0.6, 0.65]}
            pd.DataFrame({"epoch": [0, 1, 2], **losses}).to_csv(paths[-1], index=False)
    return paths


def test_every_row_has_a_panel_with_its_folds_and_their_mean(histories):
    panels = {panel.get_title(loc="left"): panel for panel in draw(histories, "demo").axes}
    assert {"image", "kv-exchange"} <= set(panels)
    training = [line for line in panels["image"].lines if line.get_color() == BLUE]
    assert len(training) == 3
    assert list(training[-1].get_ydata()) == pytest.approx([0.7, 0.5, 0.9]), "the mean of both folds"
    kept = panels["image"].lines[-1]
    assert list(kept.get_xdata()) == [2, 2], "the second epoch had the least validation loss"
