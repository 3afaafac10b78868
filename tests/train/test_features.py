from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_study import SETTINGS, run_stage, small_study

from lungfuse.encoders.network import load_encoder
from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles
from lungfuse.modalities.text.inputs import pad, read
from lungfuse.settings.rows import Row
from lungfuse.tables.base import read_table
from lungfuse.tables.training import Predictions
from lungfuse.train.data import read_features


def test_the_features_of_images_are_the_tokens_of_the_encoder(small):
    features = read_features(small.features("vit-tiny"), small.pairs["pair_id"])
    tokens, mask = features.batch([3, 7]).values()
    network = load_encoder("vit-tiny", small.encoder_root / "vit-tiny").eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(small.images[[3, 7]]))
    torch.testing.assert_close(tokens, expected, rtol=2e-3, atol=2e-3)  # they are kept in float16
    assert mask.all()


def test_the_features_of_texts_are_kept_without_padding(small):
    features = read_features(small.features("bert-tiny"), small.pairs["pair_id"])
    texts = tokenize(small.pairs["findings"], small.encoder_root / "bert-tiny/tokenizer.json", 64)
    assert features.counts.tolist() == [len(text) for text in texts]
    assert len(features.tokens) == sum(map(len, texts))
    tokens, mask = features.batch([0, 12]).values()
    network = load_encoder("bert-tiny", small.encoder_root / "bert-tiny").eval()
    with torch.no_grad():
        expected = network(*pad([texts[0], texts[12]]))
    torch.testing.assert_close(tokens[mask], expected[mask], rtol=2e-3, atol=2e-3)
    assert (tokens[~mask] == 0).all()


def test_texts_that_are_cut_are_told(small, capsys):
    encoders = SETTINGS["encoders"].model_copy(update={"max_tokens": 5})
    cut = read(DataFiles(small.pairs, encoders, small.encoder_root), "findings")
    assert max(map(len, cut.texts)) == 5
    assert (
        "Warning: 60 of 60 findings are cut after 5 tokens, which loses 16.7% of all tokens" in capsys.readouterr().out
    )
    read(DataFiles(small.pairs, SETTINGS["encoders"], small.encoder_root), "findings")
    assert capsys.readouterr().out == ""


def test_what_a_pair_lacks_has_no_features_and_is_masked(tmp_path, encoder_root):
    study = small_study(tmp_path, encoder_root, "multilabel")
    for encoder, lacking in [("vit-tiny", [4, 31]), ("bert-tiny", [7, 31, 40])]:
        features = read_features(study.features(encoder), study.pairs["pair_id"])
        assert np.flatnonzero(features.counts == 0).tolist() == lacking
        assert features.batch([*lacking, 0])["mask"].any(1).tolist() == [False] * len(lacking) + [True]
        assert np.isnan(features.means()[lacking]).all()


def test_features_are_joined_by_id_and_a_missing_pair_is_told(small):
    folder = small.features("vit-tiny")
    turned = read_features(folder, small.pairs["pair_id"][::-1])
    plain = read_features(folder, small.pairs["pair_id"])
    assert (turned.starts == plain.starts[::-1]).all()
    with pytest.raises(UserError, match="1 pairs have no features, stranger first"):
        read_features(folder, pd.Series(["P00", "stranger"]))


def test_features_can_be_those_of_a_trained_encoder(small, tmp_path):
    weights = load_file(small.encoder_root / "vit-tiny/model.safetensors")
    trained = tmp_path / "image_fold0/model.safetensors"
    trained.parent.mkdir()
    save_file({f"encoders.image.network.{key}": value * 1.1 for key, value in weights.items()}, trained)
    other = read_features(small.features("vit-tiny", start=trained), small.pairs["pair_id"]).means()
    plain = read_features(small.features("vit-tiny"), small.pairs["pair_id"]).means()
    assert np.abs(other - plain).max() > 0.01


def test_pooled_features_are_one_token_a_pair(small):
    for encoder in ["vit-tiny", "bert-tiny"]:
        every, pooled = (
            read_features(small.features(encoder, pooling=pooling), small.pairs["pair_id"])
            for pooling in ["none", "mean"]
        )
        assert len(pooled.tokens) == len(small.pairs) < len(every.tokens)
        assert (pooled.encoded == every.counts).all()
        np.testing.assert_allclose(pooled.means(), every.means(), atol=2e-3)


def test_what_reads_means_alone_tells_the_same_from_pooled_features(small, studies, tmp_path):
    """A linear probe and early fusion, up to the rounding of float16; texts of different lengths meet in the same
    batches."""
    small.pairs["findings"] += [" and" * (n % 7) for n in range(len(small.pairs))]
    small.write()
    scores = {"linear-probe": [], "early": []}
    for pooling in ["none", "mean"]:
        image, text = (small.features(encoder, pooling=pooling) for encoder in ["vit-tiny", "bert-tiny"])
        scores["linear-probe"].append(probe(small, studies, image)["score"])
        files = {"features": {"image": image, "text": text}}
        scores["early"].append(small.train(tmp_path / pooling, files=files, layers="frozen", epochs=4)["score"])
    for row, (every, pooled) in scores.items():
        np.testing.assert_allclose(pooled, every, atol=2e-3, err_msg=row)


def probe(small, studies, features: Path) -> pd.DataFrame:
    run_stage(
        "linear-probe", row=Row(model="linear-probe", images="raw"), task="binary", labels=["normal", "lung"],
        class_weights="balanced", seed=0, encoders=studies["demo"].encoders, images=studies["demo"].images,
        precision="fp32",
        pairs=small.files["pairs"], validation=small.files["validation"], features=[features],
        predictions=small.folder / "probe.csv", validated=small.folder / "validated.csv",
        models=small.folder / "models",
    )  # fmt: skip
    return read_table(small.folder / "probe.csv", Predictions)


def test_a_linear_probe_reads_the_label_from_features(small, studies):
    predictions = probe(small, studies, small.features("vit-tiny"))
    assert (predictions["prediction"] == predictions["label"]).mean() > 0.9


def test_an_array_shorter_than_its_index_and_a_section_nobody_has_are_told(small):
    with pytest.raises(UserError, match="no pair has impression, which a row reads"):
        small.features("bert-tiny", reads="impression")
    small.index["row"] += 5
    small.write()
    with pytest.raises(UserError, match=r"images\.npy: has 60 rows, fewer than the 65 of its index"):
        small.features("vit-tiny")
