import numpy as np
import pytest
from pytest import approx

from lungfuse.compare import arms
from lungfuse.compare.scores import difference_with_interval
from lungfuse.settings import Row
from lungfuse.tables import Arms, Pairs, Predictions, columns, read_table, write_table

ROWS = [
    Row(model="image", images="raw"),
    Row(model="image", images="mask-only"),
    Row(model="image", images="segmented:unet-shenzhen"),
    Row(model="tfidf", text="findings"),
    Row(model="linear-probe", images="mask-only"),
]
WRONG = [20, 40, 20, 0, 10]


@pytest.fixture
def table(pairs, predictions, settings, tmp_path):
    absent = dict.fromkeys(["image_id", "text", "site", "comparison", "indication", "findings", "impression"], "")
    write_table(pairs.assign(**absent)[columns(Pairs)], tmp_path / "pairs.csv", Pairs)
    files = [tmp_path / f"{number}.csv" for number in range(len(ROWS))]
    for wrong, path in zip(WRONG, files, strict=True):
        write_table(predictions(wrong), path, Predictions)
    arms.main(
        models=ROWS, comparison=settings, seed=0, pairs=tmp_path / "pairs.csv", predictions=files,
        arms_table=tmp_path / "arms.csv",
    )  # fmt: skip
    return read_table(tmp_path / "arms.csv", Arms).set_index("images")


def test_each_arm_stands_against_the_same_model_on_raw_images(table):
    assert list(table.index) == ["mask-only", "segmented:unet-shenzhen"]
    assert set(table["model"]) == {"image"}, "a probe of masks has no raw twin"
    assert (table["accuracy_raw"] == 0.75).all()


def test_an_arm_that_loses_is_seen_to_lose(table):
    worse = table.loc["mask-only"]
    assert worse["difference"] == approx(-0.25) and worse["difference_high"] < 0 and worse["p_vs_raw"] <= 0.01
    same = table.loc["segmented:unet-shenzhen"]
    assert same["difference"] == 0 and same["p_vs_raw"] == 1


def test_the_interval_of_a_difference_widens_where_rows_come_in_groups():
    rng = np.random.default_rng(0)
    first = np.repeat(rng.random(50) < 0.8, 4)
    second = np.repeat(rng.random(50) < 0.7, 4)

    def width(groups):
        _, low, high = difference_with_interval(first, second, groups, 0.95, 1000, seed=0)
        return high - low

    assert width(np.repeat(np.arange(50), 4)) > 1.7 * width(np.arange(200))
