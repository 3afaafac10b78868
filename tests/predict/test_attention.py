import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_study import SETTINGS, TRAIN

from lungfuse.errors import UserError
from lungfuse.paths import Paths
from lungfuse.predict.attention import attention_of, draw_attention, examples, main, patch_maps, sharpest
from lungfuse.settings.rows import Row

NETWORKS = {"image": "vit", "text": "bert"}


def test_the_surest_and_the_most_wrong_pair_of_each_class_are_shown():
    scored = pd.DataFrame({"label": [0, 0, 0, 1, 1, 1], "score": [0.1, 0.9, 0.4, 0.8, 0.3, 0.99]})
    assert examples(scored) == [0, 5, 1, 4]


def test_patches_keep_their_place_and_the_class_token_is_left_out():
    weights = np.zeros((1, 10))
    weights[0, 0], weights[0, 1 + 3 * 1 + 2] = 0.5, 0.5  # the class token, and the patch in row 1, column 2
    maps = patch_maps(weights)
    assert maps.shape == (1, 3, 3)
    assert maps[0, 1, 2] == pytest.approx(1)
    assert patch_maps(np.full((2, 9), 1 / 9)).shape == (2, 3, 3)


def test_the_words_shown_are_those_that_look_most_sharply():
    maps = np.full((4, 2, 2), 0.25)
    maps[1], maps[3] = [[1, 0], [0, 0]], [[0.7, 0.1], [0.1, 0.1]]
    assert sharpest(maps, ["lungs", "are", "clear", "."], count=1) == [1]
    assert sharpest(maps, ["lungs", ".", "clear", "low"], count=1) == [3]


def test_a_row_trained_on_mean_tokens_has_no_attention_to_draw(small, studies):
    row = Row(model="kv-exchange", images="raw", text="findings")
    encoders = SETTINGS["encoders"].model_copy(update={"pooling": "mean"})
    features = {f"{kind}_features": small.features(f"{net}-tiny", pooling="mean") for kind, net in NETWORKS.items()}
    small.train(small.folder / "kv/fold0", row, features | {"encoders": encoders}, layers="frozen", epochs=1)
    files = {name: small.files[name] for name in ["pairs", "array", "index"]}
    with pytest.raises(UserError, match="kv: was trained on the mean tokens of frozen encoders"):
        main(
            title="small", notice="", model=small.folder / "kv", **files, predictions=small.folder / "none.csv",
            encoder_root=small.encoder_root, attention_figure=small.folder / "attention.svg",
        )  # fmt: skip
    demo = studies["demo"]
    assert Paths("demo", demo).attention_rows == ["kv-exchange"]
    assert Paths("demo", demo.model_copy(update={"encoders": encoders})).attention_rows == []


@pytest.mark.parametrize(
    ("row", "figure", "message"),
    [
        ({"model": "early"}, "a.svg", "row: is a row of early; attention is drawn for rows of kv-exchange"),
        ({"images": "mask-only"}, "a.svg", "reads the images as mask-only. Add --masks"),
        ({}, "pairs.csv/a.svg", "cannot be written .Not a directory"),
        ({}, "a.svg", "scores 1 of the pairs in .*expected some of each class"),
    ],
    ids=["another model", "no masks", "no place for the figure", "predictions of other pairs"],
)
def test_what_cannot_be_drawn_is_told(small, row, figure, message):
    folder = small.folder / "row/fold0"
    folder.mkdir(parents=True)
    row = {"model": "kv-exchange", "images": "raw", "text": "findings"} | row
    known = SETTINGS | {"row": row, "train": TRAIN, "folds": 1, "starts": [], "masks": None}
    known |= {"calibration": {"slope": 1.0, "intercept": 0.0}}
    (folder / "settings.json").write_text(json.dumps(known, default=lambda settings: settings.model_dump()))
    few = small.folder / "predictions.csv"
    few.write_text("pair_id,fold,label,score,prediction,probability,repeat\nP00,0,0,0.5,1,0.5,0\n")
    files = {name: small.files[name] for name in ["pairs", "array", "index"]}
    with pytest.raises(UserError, match=message):
        main(
            title="small", notice="", model=small.folder / "row", **files, predictions=few,
            encoder_root=small.encoder_root, attention_figure=small.folder / figure,
        )  # fmt: skip


def test_a_pair_is_drawn_with_its_words(small):
    row = Row(model="kv-exchange", images="raw", text="findings")
    small.train(small.folder / "kv", row, epochs=1)
    pair = small.pairs.iloc[1].copy()
    pair["score"] = 0.75
    drawn = attention_of(pair, small.images[1], small.folder / "kv", small.encoder_root)
    assert drawn.maps.shape == (len(drawn.words), 8, 8)
    np.testing.assert_allclose(drawn.maps.sum((1, 2)), 1, rtol=1e-5)
    assert {"lungs", "low"} <= set(drawn.words)
    figure = draw_attention([drawn], "demo (drawn)")
    figure.savefig(small.folder / "attention.svg")
    told = "".join(ElementTree.parse(small.folder / "attention.svg").getroot().itertext())
    assert "lung, p(lung) = 0.75" in told
    assert "all words" in told
