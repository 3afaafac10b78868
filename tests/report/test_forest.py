import numpy as np
import pandas as pd

from lungfuse.report.forest import forest
from lungfuse.report.style import plt


def test_a_forest_plot_has_its_limits_where_they_are():
    _, panel = plt.subplots()
    values = pd.DataFrame({"value": [0.8, 0.6], "low": [0.7, 0.5], "high": [0.95, 0.65]})
    forest(panel, ["one", "other"], values, ["black", "blue"], ["a", "b"])
    drawn = [bar.lines[2][0].get_segments()[0][:, 0] for bar in panel.containers]
    assert np.allclose(drawn, [[0.7, 0.95], [0.5, 0.65]])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["one", "other"]
