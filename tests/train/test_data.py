"""What a network reads of pairs, and in what batches."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from trained_study import READS

from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.layers.blocks import Tokens
from lungfuse.modalities import load_inputs
from lungfuse.modalities.data_files import Source
from lungfuse.modalities.image.variants import image_rows
from lungfuse.modalities.text.inputs import pad
from lungfuse.plan.features import reads_features
from lungfuse.plan.reads import training_files
from lungfuse.tasks import load_task
from lungfuse.train.classifier import modality_dropout
from lungfuse.train.data import Batches, PairDataset, data_files_of, sources_of
from lungfuse.train.engine import predict
from lungfuse.train.networks import build_module

BINARY = load_task("binary", ["normal", "lung"])
BOTH = {name: READS[name] for name in ["image", "text"]}


def sources(small, config, run: str = "0") -> dict[str, Source]:
    """What a model reads in a training, scaled by the first forty pairs."""
    for modality in config.encoders if reads_features(config) else []:
        small.features(config, modality)
    return sources_of(config, run, data_files_of(config, small.pairs, training_files(config, run)), np.arange(40))


def early(small, ablation: str = "", inputs: dict = BOTH, layers: str = "full"):
    return small.model("early", architecture="early", inputs=inputs, ablation=ablation, train={"layers": layers})


def score(small) -> np.ndarray:
    """Scores of an untrained network."""
    torch.manual_seed(0)
    config, targets = early(small), BINARY.targets(small.pairs)
    found = sources(small, config)
    module = build_module(config, "0", found, BINARY, targets, seed=0)
    return predict(module, PairDataset(targets, found), np.arange(60))


def test_images_are_joined_by_id_not_by_position(small):
    plain = score(small)
    order = np.random.default_rng(1).permutation(60)
    index = small.index.assign(row=np.argsort(order)).sample(frac=1, random_state=1)
    permuted = replace(small, images=small.images[order], index=index)
    permuted.write()
    np.testing.assert_allclose(score(permuted), plain, rtol=1e-6)


def test_a_pair_without_image_is_reported(small):
    with pytest.raises(UserError, match="1 pairs have no image in the array, P07 first"):
        image_rows(small.pairs, small.index[small.index["image_id"] != "P07"])


def test_an_ablation_permutes_one_modality_and_leaves_the_others(small):
    plain, image, text = (sources(small, early(small, change)) for change in ["", "shuffled-image", "shuffled-text"])
    assert (image["image"].rows != plain["image"].rows).mean() > 0.9
    assert sorted(image["image"].rows) == sorted(plain["image"].rows)
    words = [[text.tolist() for text in found["text"].texts] for found in [plain, image, text]]
    assert words[1] == words[0] != words[2]
    assert (text["image"].rows == plain["image"].rows).all()


def test_an_ablation_permutes_otherwise_in_each_repeat_and_the_same_in_each_fold(small):
    rows = [sources(small, early(small, "shuffled-image"), run)["image"].rows for run in ["0", "1", "0_repeat1"]]
    assert (rows[0] == rows[1]).all() and (rows[0] != rows[2]).mean() > 0.9


def test_an_ablation_permutes_the_features_of_one_modality(small):
    plain, image = (sources(small, early(small, change, layers="frozen")) for change in ["", "shuffled-image"])
    assert (image["image"].starts != plain["image"].starts).mean() > 0.9
    assert (image["text"].starts == plain["text"].starts).all()
    batch = PairDataset(BINARY.targets(small.pairs), image)[[0, 1]]
    assert batch["image"]["tokens"].shape == (2, 65, 64)
    assert batch["text"]["mask"].sum(1).tolist() == plain["text"].counts[:2].tolist()


@pytest.mark.parametrize("modality", ["image", "text", "structured"])
def test_a_dropped_modality_is_absent_from_every_pair(small, modality):
    found = PairDataset(BINARY.targets(small.pairs), sources(small, early(small, f"dropped-{modality}", READS)))
    tokenizer = load_inputs("structured").tokenizer(found.sources["structured"].fitted, 16)
    batch = found[[0, 1, 2]]
    masks = {
        "image": batch["image"].get("present", torch.ones(3, dtype=torch.bool))[:, None],
        "text": batch["text"]["mask"],
        "structured": tokenizer.tokens(batch["structured"]).mask,
    }
    assert {name: bool(mask.any()) for name, mask in masks.items()} == {name: name != modality for name in masks}


def test_a_modality_is_left_out_by_chance_but_never_all_of_a_case():
    torch.manual_seed(0)
    mask = torch.ones(2000, 3, dtype=torch.bool)
    lacking = mask.clone()
    lacking[:500] = False
    inputs = {name: Tokens(torch.zeros(2000, 3, 4), lacking if name == "text" else mask) for name in ["image", "text"]}
    kept = {name: tokens.mask.any(1) for name, tokens in modality_dropout(inputs, 0.5).items()}
    assert (kept["image"] | kept["text"]).all()
    assert kept["image"][:500].all(), "a case keeps the last that it has"
    assert not kept["text"][:500].any()
    assert 0.55 < kept["image"][500:].float().mean() < 0.7, "half of them, and half of those that would lose both"


def test_structured_columns_are_scaled_by_the_pairs_to_learn_from_alone(small):
    age, sex = sources(small, early(small, inputs=READS))["structured"].fitted
    learned = small.structured["age"].astype(float)[:40]
    assert (age["mean"], age["std"]) == (pytest.approx(learned.mean()), pytest.approx(learned.std(ddof=0)))
    assert sex["categories"] == ["F", "M"]


def test_batches_depend_on_seed_and_epoch_and_keep_like_lengths_together():
    lengths = np.random.default_rng(0).integers(5, 90, 256)
    batches = Batches(np.arange(256), lengths, 16, seed=0)
    first = list(batches)
    assert first == list(batches)
    assert sorted(np.concatenate(first)) == list(range(256))
    batches.set_epoch(1)
    assert first != list(batches)
    assert np.mean([np.ptp(lengths[batch]) for batch in first]) < 30


def test_texts_are_padded_with_a_mask_and_cut(encoder_root):
    texts = tokenize(pd.Series(["Lungs are clear.", "", "word " * 99]), encoder_root / "bert-tiny/tokenizer.json", 20)
    ids, mask = pad(texts)
    assert ids.shape == (3, 20)
    assert mask.sum(1).tolist() == [6, 2, 20]
    assert (ids[~mask] == 0).all()
