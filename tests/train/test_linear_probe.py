import json

import numpy as np
import pandas as pd
import pytest
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.rows import Row
from lungfuse.settings.training import EncoderSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import Pairs, Validation
from lungfuse.tables.training import FeatureIndex, Predictions
from lungfuse.train.kept import load_estimator
from lungfuse.train.stored import read_tokens

ENCODERS = EncoderSettings(image="vit-tiny", text="bert-tiny", pooling="none", max_tokens=None)


@pytest.fixture
def pairs():
    """Sixty pairs in three folds."""
    frame = pd.DataFrame({"label": np.arange(60) % 2, "group": np.arange(60), "fold": np.arange(60) // 2 % 3})
    frame["pair_id"] = frame["report_id"] = frame["image_id"] = [f"P{n:02d}" for n in range(60)]
    return frame.assign(text="", site="", comparison="", indication="", findings="", impression="")


def write_features(pairs, folder, told, width=4, seed=0):
    """Two tokens a pair that tell the label of the pairs that are `told`, in an order of their own."""
    rng, order = np.random.default_rng(seed), np.random.default_rng(seed).permutation(60)
    shifts = np.where(told, 2 * pairs["label"] - 1, 0)
    tokens = rng.normal(3 * shifts[:, None, None], 1, (60, 2, width)).astype(np.float16)
    folder.mkdir()
    np.save(folder / "tokens.npy", tokens[order].reshape(-1, width))
    starts = np.arange(60) * 2
    index = {"pair_id": pairs["pair_id"].to_numpy()[order], "start": starts, "tokens": 2, "encoded": 2}
    write_table(pd.DataFrame(index), folder / "index.csv", FeatureIndex)
    return tokens.astype(np.float32).mean(axis=1)


def probe(pairs, folder, features, **row):
    write_table(pairs, folder / "pairs.csv", Pairs)
    validation = pd.concat([pairs[pairs["fold"] == (fold + 1) % 3].assign(fold=fold) for fold in range(3)])
    write_table(validation, folder / "validation.csv", Validation)
    masks = folder / "masks.json"
    masks.write_text(json.dumps({"segmenter": str(folder / "segmenters/unet"), "mask": {"threshold": 0.5}}))
    run_stage("linear-probe",
        row=Row(model="linear-probe", **row), task="binary", labels=["normal", "lung"], class_weights="none", seed=0,
        encoders=ENCODERS, images=ImageSettings(image_size=64, fit="pad"), precision="fp32", redact_terms=["icu"],
        pairs=folder / "pairs.csv", validation=folder / "validation.csv", features=features, mask_settings=masks,
        predictions=folder / "predictions.csv", validated=folder / "validated.csv", models=folder / "models",
    )  # fmt: skip
    return read_table(folder / "predictions.csv", Predictions)


def test_mean_tokens_are_joined_to_pairs_by_id(pairs, tmp_path):
    means = write_features(pairs, tmp_path / "image", told=True)
    np.testing.assert_allclose(read_tokens(tmp_path / "image", pairs["pair_id"]).means(), means, rtol=1e-3)


def test_a_pair_without_features_is_told(pairs, tmp_path):
    write_features(pairs, tmp_path / "image", told=True)
    with pytest.raises(UserError, match=r"index\.csv: 1 pairs have no features, P99 first"):
        read_tokens(tmp_path / "image", pd.Series(["P00", "P99"])).means()


def test_a_pair_without_tokens_has_none_and_is_scored_by_the_other_encoder(pairs, tmp_path):
    write_features(pairs, tmp_path / "image", told=True)
    write_features(pairs, tmp_path / "text", told=True, width=3, seed=1)
    index = read_table(tmp_path / "text/index.csv", FeatureIndex)
    lacking = index["pair_id"].isin(["P03", "P31"])
    write_table(index.assign(tokens=index["tokens"].mask(lacking, 0)), tmp_path / "text/index.csv", FeatureIndex)
    assert np.isnan(read_tokens(tmp_path / "text", pd.Series(["P03", "P31"])).means()).all()
    found = probe(pairs, tmp_path, [tmp_path / "image", tmp_path / "text"], images="raw", text="findings")
    assert (found["prediction"] == found["label"]).mean() > 0.95


def test_a_probe_of_both_encoders_tells_what_neither_tells_alone(pairs, tmp_path):
    every_other = pairs.index // 2 % 2 == 0
    write_features(pairs, tmp_path / "image", every_other)
    write_features(pairs, tmp_path / "text", ~every_other, width=3, seed=1)
    right = {}
    for names in [("image",), ("text",), ("image", "text")]:
        inputs = {name: {"image": "raw", "text": "findings"}[name] for name in names}
        found = probe(pairs, tmp_path, [tmp_path / name for name in names], inputs=inputs)
        right[names] = (found["prediction"] == found["label"]).mean()
    assert right["image", "text"] > 0.95 > 0.85 > max(right["image",], right["text",])


def test_what_is_kept_reads_new_images_alike(pairs, tmp_path):
    means = write_features(pairs, tmp_path / "image", told=True)
    predictions = probe(pairs, tmp_path, [tmp_path / "image"], images="segmented:unet").set_index("pair_id")
    found = load_estimator(tmp_path / "models/fold1")
    tested = pairs[pairs["fold"] == 1]
    scores = found.score(means[tested.index])[:, 0]
    np.testing.assert_allclose(scores, predictions["score"][tested["pair_id"]], atol=1e-4)
    assert found.settings["encoders"]["image"] == "vit-tiny"
    assert found.settings["images"]["image_size"] == 64
    assert found.settings["redact_terms"] == ["icu"]
    assert (tmp_path / "models/fold1" / found.settings["masks"]["segmenter"]).resolve() == tmp_path / "segmenters/unet"
