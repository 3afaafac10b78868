"""Attention maps of models that exchange keys and values between image and text."""

import shutil
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from trained_study import reseal

from lungfuse.errors import UserError
from lungfuse.explain._stage import Explained, main
from lungfuse.explain.attention import Example, attention_of, draw_maps, examples, patch_maps, sharpest
from lungfuse.parameters import Heading
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


def explained(study, model, **changes) -> Explained:
    """A trained model with the files that it reads."""
    read = {key: path for key, path in study.small.files.items() if key not in ("validation", "fold_table")}
    files = {"predictions": study.small.folder / "none.csv", "encoder_root": study.small.encoder_root}
    return Explained(**read | files | {"model": model} | changes)


NO_COLUMNS = {"structured": None, "structured_columns": None}
MASK = {"threshold": 0.5, "components": 2, "margin": 0.0}
OF_MASKS = {
    "model__inputs__image": "mask-only",
    "model__segmenter": "packaged",
    "masks": {"segmenter": "packaged", "mask": MASK},
}
REFUSED = {  # a model, what its settings say instead, the files that it is not given, and what is said
    "another architecture": ("early", {}, {}, "early: is a model of early; attention is drawn for models of kv-exch"),
    "mean tokens": ("of-means", {}, {}, "of-means: was trained on the mean tokens of frozen encoders"),
    "no masks": ("kv-exchange", OF_MASKS, {}, "reads the images as mask-only. Add --masks"),
    "no columns": ("kv-exchange", {}, NO_COLUMNS, "reads age, sex. Add --structured and --structured-columns"),
    "predictions of other pairs": ("kv-exchange", {}, {}, "scores 1 of the pairs in .*expected some of each class"),
}


@pytest.mark.parametrize(("name", "changes", "files", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_told(trained, tmp_path, name, changes, files, message):
    study, model = trained(), tmp_path / name
    shutil.copytree(study.fold(name), model / "fold0")
    reseal(model / "fold0", **changes)
    few = tmp_path / "predictions.csv"
    few.write_text("pair_id,fold,label,score,prediction,probability,repeat\nP00,0,0,0.5,1,0.5,0\n")
    asked = {"name": "attention", "study_heading": Heading(title="small", notice=""), "figure": tmp_path / "a.svg"}
    with pytest.raises(UserError, match=message):
        main(**asked, explained=explained(study, model, predictions=few, **files))


def test_a_place_where_the_figure_cannot_be_is_told_before_the_work(trained, tmp_path):
    (tmp_path / "file").touch()
    asked = {"name": "attention", "study_heading": Heading(title="small", notice=""), "figure": tmp_path / "file/a.svg"}
    with pytest.raises(UserError, match=r"cannot be written .Not a directory"):
        main(**asked, explained=explained(trained(), tmp_path / "none"))


@pytest.mark.parametrize("name", ["kv-exchange", "kv-exchange-full"])
def test_a_pair_is_drawn_with_its_words(trained, name, tmp_path):
    """The text also reads two structured columns, which are no part of the image."""
    study = trained()
    folder = study.fold(name)
    example = Example(study.small.pairs.iloc[1], "lung, p(lung) = 0.75")
    drawn = attention_of(example, explained(study, folder.parent), folder)
    assert drawn.maps.shape == (len(drawn.words), 8, 8)
    np.testing.assert_allclose(drawn.maps.sum((1, 2)), 1, rtol=1e-5)
    assert {"lungs", "low"} <= set(drawn.words)
    draw_maps([drawn], "demo (drawn)").savefig(tmp_path / "attention.svg")
    told = "".join(ElementTree.parse(tmp_path / "attention.svg").getroot().itertext())
    assert "lung, p(lung) = 0.75" in told
    assert "all words" in told
