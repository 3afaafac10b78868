"""Prediction of new cases by rows trained on the small study."""

import json

import numpy as np
import pandas as pd
import pytest
from small_study import SETTINGS, small_study

from lungfuse.errors import UserError
from lungfuse.predict import predict
from lungfuse.predict.predict import TrainedRow, main
from lungfuse.settings.rows import Row
from lungfuse.train import late
from lungfuse.train.calibration import calibrate

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
    for fold, epochs in enumerate([4, 1, 1]):
        small.train(models / f"text/fold{fold}", TEXT, {"fold": fold}, epochs=epochs)
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
        validated=small.folder / "late_validated.csv", settings=models / "late-stacked/settings.json",
    )  # fmt: skip
    return models


def cases_of(small, positions) -> pd.DataFrame:
    images = [str(small.save_png(position)) for position in positions]
    pairs = small.pairs.iloc[positions]
    return pd.DataFrame({"id": pairs["pair_id"].array, "image": images, "text": pairs["findings"].array})


def predicted(folder, cases, encoder_root) -> pd.DataFrame:
    return pd.concat(TrainedRow(folder).predict(cases, encoder_root))


@pytest.mark.parametrize("row", ["image/fold0", "text/fold0", "early/fold0", "late-stacked"])
def test_a_case_of_the_test_fold_gets_the_score_that_the_table_rests_on(small, models, row):
    tested = small.pairs.index[small.pairs["fold"] == 0].to_numpy()
    path = small.folder / "late.csv" if row == "late-stacked" else models / row / "predictions.csv"
    known = pd.read_csv(path).set_index("pair_id")["score"]
    cases = cases_of(small, tested)
    found = predicted(models / row, cases, small.encoder_root)
    np.testing.assert_allclose(found["score"], known[cases["id"]], atol=2e-3)
    assert (found["label"] == np.where(found["score"] >= 0.5, "lung", "normal")).all()


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
    found = predicted(tmp_path / "kv/fold0", cases_of(small, range(20)), small.encoder_root)
    tested = found[found["id"].isin(known.index)]
    np.testing.assert_allclose(tested["score"], known[tested["id"]], atol=2e-3)
    assert known.std() > 0.02


def test_one_case_is_told_as_json(small, models, capsys):
    case = {"image": small.save_png(1), "text": small.pairs["findings"][1], "encoder_root": small.encoder_root}
    capsys.readouterr()
    main(model=models / "early/fold0", **case)
    told = json.loads(capsys.readouterr().out)
    assert told["label"] == "lung"
    assert 0.5 <= told["score"] <= 1
    assert (told["positive"], told["model"], told["folds"]) == ("lung", "early", 1)
    assert len(told["sha256"]) == 64


def test_many_cases_become_a_table(small, models):
    table = cases_of(small, [0, 1, 2, 3])
    table["image"] = [path.rsplit("/", 1)[1] for path in table["image"]]  # paths are taken from the table's folder
    table.to_csv(small.folder / "cases.csv", index=False)
    out = small.folder / "out.csv"
    main(model=models / "early/fold0", cases=small.folder / "cases.csv", out=out, encoder_root=small.encoder_root)
    assert list(pd.read_csv(out)["id"]) == ["P00", "P01", "P02", "P03"]
    assert list(pd.read_csv(out)["label"]) == ["normal", "lung"] * 2


def test_folds_are_averaged(small, models):
    cases = cases_of(small, [0, 1])
    mean = predicted(models / "text", cases, small.encoder_root)
    single = [predicted(models / f"text/fold{fold}", cases, small.encoder_root) for fold in range(3)]
    assert set(mean["folds"]) == {3}
    np.testing.assert_allclose(mean["score"], np.mean([one["score"] for one in single], 0), atol=2e-6)
    np.testing.assert_allclose(mean["probability"], np.mean([one["probability"] for one in single], 0), atol=2e-6)


def test_a_probability_is_the_score_as_its_validation_pairs_calibrate_it(small, models):
    known = pd.read_csv(models / "text/fold0/predictions.csv").query("part == 'validation'")
    found = predicted(models / "text/fold0", cases_of(small, [0, 1]), small.encoder_root)
    calibration = calibrate(known["score"].to_numpy(), known["label"].to_numpy())
    np.testing.assert_allclose(found["probability"], calibration.apply(found["score"].to_numpy()), atol=1e-3)
    assert (found["probability"] != found["score"]).all()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_cases_are_predicted_part_by_part(small, models, tmp_path, monkeypatch, form):
    cases_of(small, range(5)).to_csv(tmp_path / "cases.csv", index=False)
    given = {"model": models / "early/fold0", "cases": tmp_path / "cases.csv", "encoder_root": small.encoder_root}
    main(**given, out=tmp_path / f"whole.{form}")
    monkeypatch.setattr(predict, "PART", 2)
    main(**given, out=tmp_path / f"parts.{form}")
    parts, whole = (
        {"csv": pd.read_csv, "json": pd.read_json}[form](tmp_path / f"{name}.{form}") for name in ["parts", "whole"]
    )
    pd.testing.assert_frame_equal(parts, whole, rtol=1e-4)


def test_predictions_are_scored_against_the_truth(small, models, tmp_path, capsys):
    """By the name of the class or its number; where nobody knows it a case does not count."""
    cases = cases_of(small, range(12)).assign(truth=["normal", "Lung", "0", "1"] * 2 + ["1", "0", "", ""])
    cases["patient"] = ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e", "", ""]
    cases.to_csv(tmp_path / "cases.csv", index=False)
    main(
        model=models / "early/fold0", cases=tmp_path / "cases.csv", truth="truth", out=tmp_path / "out.csv",
        encoder_root=small.encoder_root,
    )  # fmt: skip
    scores = pd.read_csv(tmp_path / "out.scores.csv").set_index("metric")
    found = pd.read_csv(tmp_path / "out.csv")["label"][:10] == ["normal", "lung"] * 4 + ["lung", "normal"]
    assert scores["value"]["accuracy"] == found.mean() == 0.8
    assert (scores["low"] <= scores["value"]).all() and scores["low"]["accuracy"] < 0.8 < scores["high"]["accuracy"]
    assert set(scores["n"]) == {10} and set(scores["groups"]) == {5}
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "case", "message"),
    [
        ("early/fold0", {"text": "Clear."}, "reads image and text, but no image was given. Add --image"),
        ("text/fold0", {}, "reads text, but no text was given. Add --text"),
        ("text/fold0", {"image": "x.png", "text": "Clear."}, "reads text alone. Leave --image out"),
        ("image/fold0", {"image": "none.png"}, r"none\.png: cannot be read \(No such file"),
        ("image/fold0", {"image": "pairs.csv"}, r"pairs\.csv: cannot be read \(is no image"),
    ],
)
def test_what_is_missing_or_unreadable_is_told(small, models, row, case, message):
    if "image" in case:
        case = case | {"image": small.folder / case["image"]}
    with pytest.raises(UserError, match=message):
        main(model=models / row, encoder_root=small.encoder_root, **case)


def test_a_table_tells_which_case_lacks_what(small, models):
    cases_of(small, [0, 1]).assign(text=["Clear.", " "]).to_csv(small.folder / "few.csv", index=False)
    with pytest.raises(UserError, match="1 cases have no text, 'P01' first"):
        main(model=models / "early/fold0", cases=small.folder / "few.csv", encoder_root=small.encoder_root)
