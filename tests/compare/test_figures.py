from xml.etree import ElementTree

import pandas as pd
import pytest

from lungfuse.compare.figures import main
from lungfuse.tables import Comparison, write_table


@pytest.fixture
def figures(tmp_path, table):
    def draw(folder):
        write_table(table, tmp_path / "comparison.csv", Comparison)
        pd.DataFrame({"step": ["images", "pairs"], "count": [2000, 80]}).to_csv(tmp_path / "funnel.csv", index=False)
        files = {"funnel_figure": folder / "funnel.svg", "comparison_figure": folder / "comparison.svg"}
        main(title="demo", notice="drawn", funnel=tmp_path / "funnel.csv",
             comparison_table=tmp_path / "comparison.csv", **files)  # fmt: skip
        return files

    return draw


def test_figures_show_every_row_and_the_notice(figures, tmp_path):
    files = figures(tmp_path)
    funnel, comparison = ("".join(ElementTree.parse(path).getroot().itertext()) for path in files.values())
    for text in ["demo (drawn)", "images", "2,000", "80"]:
        assert text in funnel
    for text in ["demo (drawn)", "majority", "tfidf, findings", "published"]:
        assert text in comparison


def test_figures_are_the_same_bytes_every_time(figures, tmp_path):
    first, second = figures(tmp_path / "a"), figures(tmp_path / "b")
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)
