import numpy as np
import pandas as pd
from matplotlib.text import Text
from small_comparison import BINARY, draw_pairs

from lungfuse.analyses.disagreements import best_fused, disagreements, draw_disagreements
from lungfuse.report.pictures import PairImages

ROWS = [("late", "raw", "findings"), ("image", "raw", ""), ("text", "", "findings")]


def test_disagreements_are_of_every_kind_and_the_widest_of_it():
    labels = np.ones((6, 1))
    scores = {"fused": [0.9, 0.6, 0.9, 0.4, 0.4, 0.9], "image": [0.4, 0.1, 0.8, 0.9, 0.2, 0.8]}
    scores |= {"text": [0.8, 0.9, 0.1, 0.3, 0.7, 0.9]}
    found = disagreements(BINARY, {row: np.array(score)[:, None] for row, score in scores.items()}, labels)
    kinds = [(0, True, "image"), (1, True, "image"), (2, True, "text"), (3, False, "image"), (4, False, "text")]
    assert found == [(pair, 0, fused_right, other) for pair, fused_right, other in kinds]


def test_the_best_fused_row_is_shown_beside_its_unimodal_rows():
    rows = [("majority", "", ""), ("text", "", "indication"), *ROWS, ("early", "raw", "findings")]
    rows += [("joint", "raw", "impression"), ("early:shuffled-text", "raw", "findings")]
    table = pd.DataFrame(rows, columns=["model", "images", "text"]).assign(
        structured="", auroc=[0, 0, 0.8, 0, 0, 0.9, 0.95, 1]
    )
    assert best_fused(table, BINARY) == {"fused": 5, "image": 3, "text": 4}
    assert best_fused(table[:2], BINARY) == {}


def test_a_row_of_three_inputs_is_shown_beside_all_its_unimodal_rows():
    rows = [("structured", "", "", "age"), ("image", "raw", "", ""), ("text", "", "findings", "")]
    rows += [("early", "raw", "findings", "age"), ("late", "raw", "findings", ""), ("joint", "raw", "findings", "sex")]
    table = pd.DataFrame(rows, columns=["model", "images", "text", "structured"]).assign(auroc=[0, 0, 0, 0.8, 0.7, 1])
    assert best_fused(table, BINARY) == {"fused": 3, "image": 1, "text": 2, "structured": 0}
    without = table[1:].reset_index(drop=True)
    assert best_fused(without, BINARY) == {"fused": 3, "image": 0, "text": 1}, "of the others none reads a part alone"


def test_models_that_agree_on_every_pair_are_said_to():
    drawn = draw_pairs("binary")
    scores = np.full((120, 1), 0.9)
    shown = PairImages(drawn.pairs, np.zeros((0, 4, 4)), None, np.full(120, -1))
    names = {"fused": "late", "image": "image", "text": "text"}
    figure = draw_disagreements(shown, names, dict.fromkeys(names, scores), BINARY, "demo")
    assert figure.axes[0].texts[0].get_text() == "late, image and text agree on every pair."


def test_of_several_labels_the_one_that_is_shown_need_not_be_the_first_and_the_first_may_be_unknown():
    drawn = draw_pairs("multilabel")
    pairs = drawn.pairs.assign(label_clear=np.nan)
    targets = drawn.task.targets(pairs)
    right = np.where(targets == 1, 0.9, 0.1)
    scores = {"fused": right, "image": 1 - right}
    shown = PairImages(pairs, np.zeros((0, 4, 4)), None, np.full(len(pairs), -1))
    figure = draw_disagreements(shown, {"fused": "early", "image": "image"}, scores, drawn.task, "demo")
    said = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "effusion: early right, image wrong" in " ".join(said.split()) and "clear:" not in said
