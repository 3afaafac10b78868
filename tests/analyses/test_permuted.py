import numpy as np
import pandas as pd
import pytest
from model_configs import model_config
from small_comparison import results_of
from small_fusions import MODELS, drawn

from lungfuse.analyses.permuted import compute, draw
from lungfuse.settings.comparison import Intervals
from lungfuse.tables.base import write_table
from lungfuse.tables.training import PermutedScores

INTERVALS = Intervals(confidence=0.95, resamples=400)
COUNT = 600


@pytest.fixture(scope="module")
def results():
    """A fusion that rests on its image alone, and one that was trained with the image shuffled."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, (COUNT, 1))
    odds = {name: 1.5 * label + rng.normal(size=(COUNT, 1)) for name in ["image", "text"]}
    found = drawn(odds | {"early": odds["image"]}, label, trainings=2)
    control = model_config("early", images="raw", text="findings", ablation="shuffled-image")
    models = {name: MODELS[name] for name in odds} | {"early": MODELS["early"], "early_shuffled": control}
    joined = [*found.joined, found.joined[1]]  # what reads the text alone
    return results_of(models, joined, pairs=found.pairs)


@pytest.fixture(scope="module")
def table(results, tmp_path_factory) -> pd.DataFrame:
    return compute(results, [write(results, tmp_path_factory.mktemp("permuted") / "early.csv")], INTERVALS, seed=0)


def write(results, file):
    """Scores with the image shuffled, five times, and with the text shuffled, of which nothing depends."""
    first, rng = results.joined[2].query("repeat == 0"), np.random.default_rng(0)
    rows = [first.assign(modality="", permutation=0)]
    for n in range(1, 6):
        shuffled = first.groupby("fold")["score"].transform(lambda scores: rng.permutation(scores.to_numpy()))
        rows += [first.assign(score=shuffled, modality="image", permutation=n)]
        rows += [first.assign(modality="text", permutation=n)]
    table = pd.concat(rows).sample(frac=1, random_state=0)[["pair_id", "fold", "modality", "permutation", "score"]]
    write_table(table.sort_values(["modality", "permutation"], kind="stable"), file, PermutedScores)
    return file


def test_what_a_model_relies_on_is_what_it_loses_when_that_is_shuffled(table, results):
    found = table.set_index("modality")
    value = results.scored.trainings[2][0].value
    assert found["value"]["image"] == pytest.approx(value, abs=1e-5)
    assert found["loss"]["image"] == pytest.approx(value - 0.5, abs=0.03) and found["loss_low"]["image"] > 0.2
    assert found["loss"]["text"] == 0 and found["p_corrected"]["text"] == 1
    assert set(found["permutations"]) == {5} and set(found["row"]) == {"early"}


def test_the_control_that_was_trained_with_the_input_shuffled_stands_beside_it(table):
    """It has learned to read the text instead, so the image adds nothing, though the model relies on it."""
    found = table.set_index("modality")["retrained_loss"]
    assert abs(found["image"]) < 0.05 and np.isnan(found["text"])


def test_the_figure_has_a_line_for_each_shuffle(table):
    assert len(draw(table, "small study").axes[0].get_yticklabels()) == 2
    assert draw(table[:0], "small study").axes
