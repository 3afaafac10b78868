"""Models read two images a case, each with a mark of its place, and do without one that is missing."""

import numpy as np
import pandas as pd
import pytest
import torch
from several_images import LACK, cases_of, with_two_images

from lungfuse.compare.subsets import lacking
from lungfuse.errors import UserError
from lungfuse.layers.blocks import PlaceMarks, Tokens
from lungfuse.predict.fold_models import read_fold
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.kinds import explained

BOTH = "raw@left+right"
FROZEN = {"layers": "frozen", "epochs": 1}


@pytest.fixture
def study(tmp_path, encoder_root, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return with_two_images(tmp_path, encoder_root)


def predicted(study, folder):
    """The pairs of fold 0 as new cases, and their scores in training, by the model in a folder."""
    predictor = Predictor(folder)
    cases = cases_of(study, 0)
    some = cases[(cases[[column.name for column in predictor.columns]] != "").any(axis=1)]
    return predictor, pd.concat(predictor.predict(some)).set_index("id")


@pytest.mark.parametrize("layers", ["frozen", "full"])
def test_a_network_predicts_from_files_what_it_predicted_in_training(study, layers):
    config = study.model(architecture="image", images=BOTH, train={"layers": layers, "epochs": 1})
    trained = study.train(config).query("part == 'test'").set_index("pair_id")
    predictor, found = predicted(study, study.fold(config))
    assert [column.name for column in predictor.columns] == ["image_left", "image_right"]
    np.testing.assert_allclose(found["score"], trained["score"][found.index], atol=2e-3)
    assert found["missing"]["P30"] == "image_right", "predicted without the one that it lacks"
    assert (
        predictor.notes["image_right is missing, so the model does without"] == found["missing"].eq("image_right").sum()
    )


def test_the_same_image_at_another_place_is_another_input():
    marks = PlaceMarks(2, 4)
    left, right = (Tokens(torch.full((1, 3, 4), value), torch.ones(1, 3).bool()) for value in [1.0, 2.0])
    assert torch.equal(marks([left, right]).mean(), marks([right, left]).mean()), "as long as marks have not learned"
    torch.nn.init.normal_(marks.marks[0])
    assert not torch.equal(marks([left, right]).values[:, :3], marks([right, left]).values[:, 3:])
    nothing = Tokens(right.values, torch.zeros(1, 3).bool())
    tokens = marks([left, nothing])
    assert tokens.mask.tolist() == [[True] * 3 + [False] * 3]
    torch.testing.assert_close(tokens.mean(), left.values[:, 0] + marks.marks[0])


def test_a_fusion_reads_both_images_with_a_text(study):
    config = study.model(images=BOTH, text="findings", train=FROZEN | {"modality_dropout": 0.3})
    trained = study.train(config).query("part == 'test'").set_index("pair_id")
    _, found = predicted(study, study.fold(config))
    np.testing.assert_allclose(found["score"], trained["score"][found.index], atol=2e-3)


def test_a_probe_reads_the_mean_of_the_images_that_a_case_has(study):
    one = study.fit(study.model("one", architecture="linear-probe", images="raw@left"))
    config = study.model("both", architecture="linear-probe", images=BOTH)
    both = study.fit(config).set_index("pair_id")
    right = {name: (each["prediction"] == each["label"]).mean() for name, each in [("one", one), ("both", both)]}
    assert right["both"] > right["one"] + 0.1, "half of the evidence is in the other image"
    trained = both[both["fold"] == 0]
    _, found = predicted(study, study.folder / "results/small/models/both/fold0")
    np.testing.assert_allclose(found["score"], trained["score"][found.index], atol=2e-3)
    assert set(found["missing"]) == {"", "image_left", "image_right"}


def test_features_of_one_image_serve_all_models_that_read_it(study):
    for name, images in [("one", "raw@left"), ("both", BOTH)]:
        study.features(study.model(name, architecture="image", images=images, train=FROZEN), "image", "0")
    made = sorted(path.parent.name for path in study.folder.glob("**/features/**/tokens.npy"))
    assert made == ["raw_left", "raw_right"]


def test_cases_that_lack_one_of_both_are_counted_by_its_place(study):
    both = lacking(study.model(architecture="image", images=BOTH), study.pairs, None)
    assert {name: np.flatnonzero(which).tolist() for name, which in both.items()} == {
        "image left": LACK["left"], "image right": LACK["right"],
    }  # fmt: skip
    one = lacking(study.model(architecture="image", images="raw@right"), study.pairs, None)
    assert np.flatnonzero(one["image"]).tolist() == LACK["right"]


def test_what_a_model_of_several_images_decides_by_is_refused(study):
    config = study.model(architecture="image", images=BOTH, train=FROZEN)
    study.train(config)
    fold = read_fold(study.fold(config))
    with pytest.raises(UserError, match="reads several inputs of image of a case, which cannot be explained yet"):
        explained(fold)
