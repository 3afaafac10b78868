import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_study import SETTINGS, TRAIN

from lungfuse.errors import UserError
from lungfuse.paths import Paths
from lungfuse.predict.attention import (
    Example,
    PairFiles,
    attention_of,
    draw_attention,
    examples,
    main,
    patch_maps,
    sharpest,
)
from lungfuse.tasks import load_task


def shown(scored: pd.DataFrame, task: str, labels: list[str]) -> list[tuple[int, str]]:
    return [(each.pair.name, each.title) for each in examples(scored, load_task(task, labels))]


def test_the_surest_and_the_most_wrong_pair_of_each_class_are_shown():
    scored = pd.DataFrame({"label": [0, 0, 0, 1, 1, 1], "score": [0.1, 0.9, 0.4, 0.8, 0.3, 0.99]})
    assert shown(scored, "binary", ["normal", "lung"]) == [
        (0, "normal, p(lung) = 0.10"), (5, "lung, p(lung) = 0.99"), (1, "normal, p(lung) = 0.90"),
        (4, "lung, p(lung) = 0.30"),
    ]  # fmt: skip


def test_of_several_classes_or_labels_those_are_shown_that_have_pairs():
    scores = {"score_a": [0.9, 0.2, 0.1], "score_b": [0.1, 0.7, 0.4], "score_c": [0.0, 0.1, 0.5]}
    scored = pd.DataFrame({"label": [0, 1, 1]} | scores)
    assert shown(scored, "multiclass", [*"abc"]) == [
        (0, "a, p(a) = 0.90"), (1, "b, p(b) = 0.70"), (0, "a, p(a) = 0.90"), (2, "b, p(b) = 0.40")
    ]  # fmt: skip
    labels = {"label_a": [1, None, 0], "label_b": [1, 1, None], "label_c": [0, 0, 0]}
    assert shown(pd.DataFrame(labels | scores), "multilabel", [*"abc"]) == [
        (0, "a, p(a) = 0.90"), (1, "b, p(b) = 0.70"), (0, "a, p(a) = 0.90"), (0, "b, p(b) = 0.10")
    ]  # fmt: skip


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


def test_a_row_trained_on_mean_tokens_has_no_attention_to_draw(trained, studies):
    study = trained()
    model = study.folder("of-means").parent
    with pytest.raises(UserError, match="of-means: was trained on the mean tokens of frozen encoders"):
        draw(study.small, model, study.small.folder / "none.csv", model.parent / "attention.svg")
    demo = studies["demo"]
    assert "kv-exchange" in Paths("demo", demo).attention_rows
    pooled = demo.model_copy(update={"encoders": demo.encoders.model_copy(update={"pooling": "mean"})})
    assert Paths("demo", pooled).attention_rows == []


def draw(small, model, predictions, figure) -> None:
    files = PairFiles(**{name: small.files[name] for name in ["pairs", "array", "index"]})
    main(
        title="small", notice="", model=model, files=files, predictions=predictions, encoder_root=small.encoder_root,
        attention_figure=figure,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "figure", "message"),
    [
        ({"model": "early"}, "a.svg", "row: is a row of early; attention is drawn for rows of kv-exchange"),
        ({"images": "mask-only"}, "a.svg", "reads the images as mask-only. Add --masks"),
        ({"structured": ["age"]}, "a.svg", "row: reads age. Add --structured and --columns"),
        ({}, "pairs.csv/a.svg", "cannot be written .Not a directory"),
        ({}, "a.svg", "scores 1 of the pairs in .*expected some of each class"),
    ],
    ids=["another model", "no masks", "no columns", "no place for the figure", "predictions of other pairs"],
)
def test_what_cannot_be_drawn_is_told(small, row, figure, message):
    folder = small.folder / "row/fold0"
    folder.mkdir(parents=True)
    row = {"model": "kv-exchange", "images": "raw", "text": "findings"} | row
    known = SETTINGS | {"row": row, "train": TRAIN, "folds": 1, "starts": [], "fitted": {}}
    mask = {"threshold": 0.5, "components": 2, "margin": 0.0}
    known |= {"masks": {"segmenter": "packaged", "mask": mask} if "images" in row else None}
    known |= {"calibration": {"slope": [1.0], "intercept": [0.0]}}
    (folder / "settings.json").write_text(json.dumps(known, default=lambda settings: settings.model_dump()))
    few = small.folder / "predictions.csv"
    few.write_text("pair_id,fold,label,score,prediction,probability,repeat\nP00,0,0,0.5,1,0.5,0\n")
    with pytest.raises(UserError, match=message):
        draw(small, small.folder / "row", few, small.folder / figure)


@pytest.mark.parametrize("row", ["kv-exchange", "kv-exchange-full"])
def test_a_pair_is_drawn_with_its_words(trained, row, tmp_path):
    """The text also reads two structured columns, which are no part of the image."""
    study = trained()
    small, folder = study.small, study.folder(row)
    names = ["pairs", "array", "index", "structured", "columns"]
    files = PairFiles(**{name: small.files[name] for name in names})
    example = Example(small.pairs.iloc[1], "lung, p(lung) = 0.75")
    drawn = attention_of(example, files, folder, small.encoder_root)
    assert drawn.maps.shape == (len(drawn.words), 8, 8)
    np.testing.assert_allclose(drawn.maps.sum((1, 2)), 1, rtol=1e-5)
    assert {"lungs", "low"} <= set(drawn.words)
    figure = draw_attention([drawn], "demo (drawn)")
    figure.savefig(tmp_path / "attention.svg")
    told = "".join(ElementTree.parse(tmp_path / "attention.svg").getroot().itertext())
    assert "lung, p(lung) = 0.75" in told
    assert "all words" in told
