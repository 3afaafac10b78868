"""Prediction of new cases by rows trained on the small study."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from small_study import SETTINGS, small_study

from lungfuse.errors import UserError
from lungfuse.predict.predict import main, predict_cases
from lungfuse.settings import Row
from lungfuse.train import late

IMAGE, TEXT = Row(model="image", images="raw"), Row(model="text", text="findings")
LATE = Row(model="late-stacked", images="raw", text="findings")


@pytest.fixture(scope="module")
def small(tmp_path_factory, encoder_root):
    """The small study, of which all tests here only read."""
    return small_study(tmp_path_factory.mktemp("small"), encoder_root)


@pytest.fixture(scope="module")
def models(small):
    """Rows of each kind: trained encoders, frozen ones that a unimodal row has trained, and a late fusion."""
    models = small.folder / "models"
    small.train(models / "image/fold0", IMAGE, epochs=4)
    small.train(models / "text/fold0", TEXT, epochs=4)
    starts = [models / f"{row}/fold0/model.safetensors" for row in ["image", "text"]]
    features = {
        "image_features": small.features("vit-tiny", start=starts[0]),
        "text_features": small.features("bert-tiny", start=starts[1]),
        "starts": starts,
    }
    small.train(models / "early/fold0", files=features, layers="frozen", epochs=40, patience=40)
    scores = {f"{row}_folds": [models / f"{row}/fold0/predictions.csv"] for row in ["image", "text"]}
    pairs = small.folder / "fold0.csv"
    small.pairs[small.pairs["fold"] == 0].to_csv(pairs, index=False)
    late.main(
        row=LATE, pairs=pairs, **scores, predictions=small.folder / "late.csv",
        settings=models / "late-stacked/settings.json",
    )  # fmt: skip
    return models


def cases_of(small, positions) -> pd.DataFrame:
    images = [str(small.save_png(position)) for position in positions]
    pairs = small.pairs.iloc[positions]
    return pd.DataFrame({"id": pairs["pair_id"].array, "image": images, "text": pairs["findings"].array})


@pytest.mark.parametrize("row", ["image", "text", "early", "late-stacked"])
def test_a_case_of_the_test_fold_gets_the_score_that_the_table_rests_on(small, models, row):
    tested = small.pairs.index[small.pairs["fold"] == 0].to_numpy()
    path = small.folder / "late.csv" if row == "late-stacked" else models / row / "fold0/predictions.csv"
    known = pd.read_csv(path).set_index("pair_id")["score"]
    cases = cases_of(small, tested)
    found = predict_cases(models / row, cases, small.encoder_root)
    np.testing.assert_allclose(found["probability"], known[cases["id"]], atol=2e-3)
    assert (found["label"] == np.where(found["probability"] >= 0.5, "lung", "normal")).all()


def test_a_row_trained_on_pooled_features_predicts_from_means(small, tmp_path):
    """kv-exchange would tell other scores from all tokens."""
    row = Row(model="kv-exchange", images="raw", text="findings")
    encoders = SETTINGS["encoders"].model_copy(update={"pooling": "mean"})
    files = {
        "image_features": small.features("vit-tiny", pooling="mean"),
        "text_features": small.features("bert-tiny", pooling="mean"),
        "encoders": encoders,
    }
    known = small.train(tmp_path / "kv/fold0", row, files, layers="frozen", epochs=20, patience=20)
    known = known[known["part"] == "test"].set_index("pair_id")["score"]
    found = predict_cases(tmp_path / "kv", cases_of(small, range(20)), small.encoder_root)
    tested = found[found["id"].isin(known.index)]
    np.testing.assert_allclose(tested["probability"], known[tested["id"]], atol=2e-3)
    assert known.std() > 0.02


def test_one_case_is_told_as_json(small, models, capsys):
    case = {"image": small.save_png(1), "text": small.pairs["findings"][1], "encoder_root": small.encoder_root}
    capsys.readouterr()
    main(model=models / "early", **case)
    told = json.loads(capsys.readouterr().out)
    assert told["label"] == "lung"
    assert 0.5 <= told["probability"] <= 1
    assert (told["positive"], told["model"], told["folds"]) == ("lung", "early", 1)
    assert len(told["sha256"]) == 64


def test_many_cases_become_a_table(small, models):
    table = cases_of(small, [0, 1, 2, 3])
    table["image"] = [path.rsplit("/", 1)[1] for path in table["image"]]  # paths are taken from the table's folder
    table.to_csv(small.folder / "cases.csv", index=False)
    out = small.folder / "out.csv"
    main(model=models / "early", cases=small.folder / "cases.csv", out=out, encoder_root=small.encoder_root)
    assert list(pd.read_csv(out)["id"]) == ["P00", "P01", "P02", "P03"]
    assert list(pd.read_csv(out)["label"]) == ["normal", "lung"] * 2


def test_folds_are_averaged(small, models, tmp_path):
    text = shutil.copytree(models / "text", tmp_path / "text")
    small.train(text / "fold1", TEXT, epochs=1)
    cases = cases_of(small, [0, 1])
    both, *single = (
        predict_cases(folder, cases, small.encoder_root) for folder in [text, text / "fold0", text / "fold1"]
    )
    assert set(both["folds"]) == {2}
    np.testing.assert_allclose(both["probability"], np.mean([one["probability"] for one in single], 0), atol=2e-6)


@pytest.mark.parametrize(
    ("row", "case", "message"),
    [
        ("early", {"text": "Clear."}, "reads image and text, but no image was given. Add --image"),
        ("text", {}, "reads text, but no text was given. Add --text"),
        ("text", {"image": "x.png", "text": "Clear."}, "reads text alone. Leave --image out"),
        ("image", {"image": "none.png"}, r"none\.png: cannot be read \(No such file"),
        ("image", {"image": "pairs.csv"}, r"pairs\.csv: cannot be read \(is of no image format"),
        ("irene", {"text": "Clear."}, r"models/irene/settings\.json: not found.*folder of a trained row"),
    ],
)
def test_what_is_missing_or_unreadable_is_told(small, models, row, case, message):
    if "image" in case:
        case = case | {"image": small.folder / case["image"]}
    with pytest.raises(UserError, match=message):
        main(model=models / row, encoder_root=small.encoder_root, **case)


def test_a_table_tells_which_case_lacks_what(small, models):
    cases = cases_of(small, [0, 1]).assign(text=["Clear.", " "])
    with pytest.raises(UserError, match="1 cases have no text, 'P01' first"):
        predict_cases(models / "early", cases, small.encoder_root)


def test_weights_of_another_model_are_told(small, models, tmp_path):
    text = shutil.copytree(models / "text", tmp_path / "text")
    shutil.copy(models / "image/fold0/model.safetensors", text / "fold0/model.safetensors")
    with pytest.raises(UserError, match="unknown of the weights of text"):
        predict_cases(text, cases_of(small, [0]), small.encoder_root)
