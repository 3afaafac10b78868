import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from small_study import LAYOUT, small_study

from lungfuse.encoders.network import load_encoder
from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles
from lungfuse.modalities.text.inputs import pad, read
from lungfuse.train import features as features_stage
from lungfuse.train.data import read_features

MODALITIES = {"vit-tiny": "image", "bert-tiny": "text"}


def features(small, encoder, **entry):
    """The features that a model with frozen encoders reads of a modality, and the folder of them."""
    config = small.model(**{"train": {"layers": "frozen"}} | entry)
    return read_features(small.features(config, MODALITIES[encoder], "0"), small.pairs["pair_id"])


def test_the_features_of_images_are_the_tokens_of_the_encoder(small):
    found = features(small, "vit-tiny")
    tokens, mask = found.batch([3, 7]).values()
    network = load_encoder("vit-tiny", small.encoder_root / "vit-tiny").eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(small.images[[3, 7]]))
    torch.testing.assert_close(tokens, expected, rtol=2e-3, atol=2e-3)  # they are kept in float16
    assert mask.all()


def test_the_features_of_texts_are_kept_without_padding(small):
    found = features(small, "bert-tiny")
    texts = tokenize(small.pairs["findings"], small.encoder_root / "bert-tiny/tokenizer.json", 64)
    assert found.counts.tolist() == [len(text) for text in texts]
    assert len(found.tokens) == sum(map(len, texts))
    tokens, mask = found.batch([0, 12]).values()
    network = load_encoder("bert-tiny", small.encoder_root / "bert-tiny").eval()
    with torch.no_grad():
        expected = network(*pad([texts[0], texts[12]]))
    torch.testing.assert_close(tokens[mask], expected[mask], rtol=2e-3, atol=2e-3)
    assert (tokens[~mask] == 0).all()


def test_texts_that_are_cut_are_reported(small, capsys):
    tokenizer = small.encoder_root / "bert-tiny/tokenizer.json"
    cut = read(DataFiles(small.pairs, tokenizer=tokenizer, max_tokens=5), "findings")
    assert max(map(len, cut.texts)) == 5
    assert (
        "Warning: 60 of 60 findings are cut after 5 tokens, which loses 16.7% of all tokens" in capsys.readouterr().out
    )
    read(DataFiles(small.pairs, tokenizer=tokenizer, max_tokens=64), "findings")
    assert capsys.readouterr().out == ""


def test_what_a_pair_lacks_has_no_features_and_is_masked(tmp_path, encoder_root):
    study = small_study(tmp_path, encoder_root, "multilabel")
    for encoder, lacking in [("vit-tiny", [4, 31]), ("bert-tiny", [7, 31, 40])]:
        found = features(study, encoder)
        assert np.flatnonzero(found.counts == 0).tolist() == lacking
        assert found.batch([*lacking, 0])["mask"].any(1).tolist() == [False] * len(lacking) + [True]
        assert np.isnan(found.means()[lacking]).all()


@pytest.mark.parametrize("value", [np.nan, 7e4])
def test_tokens_that_cannot_be_kept_are_reported_before_any_training(small, tmp_path, monkeypatch, value):
    """7e4 is more than float16 holds."""
    monkeypatch.setattr(features_stage, "encode", lambda *_: iter([np.ones((2, 64)), np.full((2, 64), value)]))
    out = tmp_path / "out"
    outputs = features_stage.Outputs(tokens=out / "a.npy", token_index=out / "a.csv", cost=out / "a.json")
    files = features_stage.Files(pairs=LAYOUT.split["pairs"], encoder_root=small.encoder_root)
    reading = features_stage.Reading(choice="findings", pooling="none", max_tokens=64)
    with pytest.raises(UserError, match="bert-tiny: gives pair P01 tokens that are not finite"):
        features_stage.main(encoder="bert-tiny", reading=reading, precision="fp32", files=files, outputs=outputs)
    assert not [*out.iterdir()]


def test_features_are_joined_by_id_and_a_missing_pair_is_reported(small):
    folder = small.features(small.model(train={"layers": "frozen"}), "image", "0")
    turned = read_features(folder, small.pairs["pair_id"][::-1])
    plain = read_features(folder, small.pairs["pair_id"])
    assert (turned.starts == plain.starts[::-1]).all()
    with pytest.raises(UserError, match="1 pairs have no features, stranger first"):
        read_features(folder, pd.Series(["P00", "stranger"]))


def test_features_can_be_those_of_a_trained_encoder(small):
    image = small.model(architecture="image", images="raw", train={"epochs": 1, "encoder_learning_rate": 0.01})
    small.train(image)
    learned = load_file(small.fold(image) / "model.safetensors")
    assert any(key.startswith("encoders.image.") for key in learned)
    plain = features(small, "vit-tiny").means()
    other = features(small, "vit-tiny", sources={"image": "image_fold{run}"}).means()
    assert np.abs(other - plain).max() > 0.01
    assert (small.folder / LAYOUT.data("features") / "image_trained/fold0/raw/tokens.npy").exists()


def test_a_model_may_pool_and_cut_what_others_read_whole(small):
    """`encoders: {pooling: mean, max_tokens: 4}` of one model; its features have a folder of their own."""
    for encoder in MODALITIES:
        every, pooled = (features(small, encoder, pooling=pooling) for pooling in ["none", "mean"])
        assert len(pooled.tokens) == len(small.pairs) < len(every.tokens)
        assert (pooled.encoded == every.counts).all()
        np.testing.assert_allclose(pooled.means(), every.means(), atol=2e-3)
    cut = features(small, "bert-tiny", max_tokens=4)
    assert cut.counts.max() == 4 < every.counts.max()
    folders = sorted(path.name for path in (small.folder / LAYOUT.data("features") / "bert-tiny").iterdir())
    assert folders == ["findings", "findings.max4", "findings.mean"]


def test_what_reads_means_alone_predicts_the_same_from_pooled_features(small):
    """A linear probe and early fusion, up to the rounding of float16; texts of different lengths meet in the same
    batches."""
    small.pairs["findings"] += [" and" * (n % 7) for n in range(len(small.pairs))]
    small.write()
    scores = {"linear-probe": [], "early": []}
    for pooling in ["none", "mean"]:
        both = {"images": "raw", "text": "findings", "pooling": pooling}
        scores["linear-probe"].append(small.fit(small.model(architecture="linear-probe", **both))["score"])
        frozen = {"layers": "frozen", "epochs": 4}
        scores["early"].append(small.train(small.model(**both, train=frozen))["score"])
    for model, (every, pooled) in scores.items():
        np.testing.assert_allclose(pooled, every, atol=2e-3, err_msg=model)


def test_a_linear_probe_reads_the_label_from_features(small):
    predictions = small.fit(small.model(architecture="linear-probe", images="raw"))
    assert (predictions["prediction"] == predictions["label"]).mean() > 0.9


def test_an_array_shorter_than_its_index_and_a_section_nobody_has_are_reported(small):
    frozen = {"train": {"layers": "frozen"}}
    with pytest.raises(UserError, match="no pair has impression, which a model reads"):
        small.features(small.model(images="raw", text="impression", **frozen), "text", "0")
    small.index["row"] += 5
    small.write()
    with pytest.raises(UserError, match=r"images\.npy: has 60 rows, fewer than the 65 of its index"):
        small.features(small.model(**frozen), "image", "0")
