"""FixCaps repaired, whose predictions depend on no other image, and as published, where they do."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.networks import fixcaps
from lungfuse.encoders.networks.fixcaps import squash
from lungfuse.errors import UserError
from lungfuse.layers.blocks import Tokens
from lungfuse.models import load_model, model_spec
from lungfuse.models.unimodal.fixcaps import margin_loss
from lungfuse.plan.load import load_studies
from lungfuse.predict.predictor import Predictor
from lungfuse.tasks import load_task

CLASSES = 7
NAMES = ["fixcaps", "fixcaps-published"]


def network(name: str, **settings) -> tuple[nn.Module, nn.Module]:
    """What makes capsules of images, and what makes classes of capsules."""
    torch.manual_seed(0)
    spec = encoder_spec(name)
    encoder = fixcaps.build(fixcaps.random_shape(spec))
    settings = model_spec(name).completed(settings)
    return encoder.eval(), load_model(name).build({"image": spec.width}, CLASSES, **settings).eval()


def read(encoder: nn.Module, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    capsules = fixcaps.tokens(encoder, images)
    return model({"image": Tokens(capsules, torch.ones(capsules.shape[:2], dtype=torch.bool))})


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 80, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_million_parameters_of_which_half_a_million_are_matrices(name):
    encoder, model = network(name)
    learned = sum(each.numel() for each in [*encoder.parameters(), model.matrices])
    statistics = sum(each.numel() for key, each in encoder.named_buffers() if "running" in key)
    assert model.matrices.numel() == 576 * CLASSES * 16 * 8 == 516_096
    assert (learned, statistics) == (1_017_490, 256), "and not .50 million, as published"


def test_the_repaired_one_says_the_same_of_an_image_whatever_is_beside_it_and_whenever(images):
    encoder, model = network("fixcaps")
    with torch.no_grad():
        together = read(encoder, model, images)
        torch.testing.assert_close(read(encoder, model, images[:1]), together[:1], rtol=1e-4, atol=1e-5)
        assert torch.equal(read(encoder, model, images), together)
        capsules, masks = torch.randn(3, 576, 8), torch.ones(3, 576, dtype=torch.bool)
        alone = model({"image": Tokens(capsules[:1], masks[:1])})
        torch.testing.assert_close(model({"image": Tokens(capsules, masks)})[:1], alone)


def test_the_published_one_depends_on_the_batch_and_on_chance(images):
    encoder, model = network("fixcaps-published")
    with torch.no_grad():
        assert not torch.allclose(encoder(images), encoder(images)), "where pooling looks is drawn"
        capsules, masks = torch.randn(3, 576, 8), torch.ones(3, 576, dtype=torch.bool)
        together = model({"image": Tokens(capsules, masks)})
        alone = model({"image": Tokens(capsules[:1], masks[:1])})
    assert (together[0] - alone[0]).abs().max() > 0.1, "though the capsules of the image are the same"


def test_pooling_is_drawn_in_training_alone(images):
    encoder, _ = network("fixcaps")
    with torch.no_grad():
        x = encoder.convolution(images)
        assert encoder.pool(x).shape == (3, 128, 20, 20)
        assert torch.equal(encoder.pool(x), encoder.pool(x))
        encoder.train()
        assert not torch.equal(encoder.pool(x), encoder.pool(x))


def test_capsules_are_of_one_kind_and_place_and_squashed_by_their_length(images):
    encoder, _ = network("fixcaps")
    with torch.no_grad():
        before = encoder.primary(encoder.attention(encoder.pool(encoder.convolution(images).relu())))
        capsules = encoder(images)
    kind, y, x = 3, 2, 5
    numbers = before[:, 8 * kind : 8 * kind + 8, y, x]
    found, length = capsules[:, 36 * kind + 6 * y + x], numbers.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, numbers / length * length**2 / (1 + length**2))
    torch.testing.assert_close(squash(torch.tensor([[3.0, 4.0]]), 1).norm(), torch.tensor(25 / 26))


def test_a_capsule_shares_its_vote_among_classes_first_alike_then_by_agreement():
    votes = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))  # (image, capsule, class, number)
    _, once = network("fixcaps", iterations=1)
    torch.testing.assert_close(once.route(votes), votes.sum(1) / 3)
    _, twice = network("fixcaps", iterations=2)
    for image in range(2):
        sums = votes[image].sum(0) / 3
        squashed = torch.stack([each / each.norm() * each.norm() ** 2 / (1 + each.norm() ** 2) for each in sums])
        shares = torch.stack([(vote * squashed).sum(1).softmax(0) for vote in votes[image]])
        torch.testing.assert_close(twice.route(votes)[image], (shares[..., None] * votes[image]).sum(0))


def test_the_published_one_shares_a_class_among_capsules_and_agrees_over_the_batch():
    votes = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))

    def squashed(sums):
        squares = (sums**2).sum(0, keepdim=True)  # of each number over the classes
        return squares / (1 + squares) * sums / squares.sqrt()

    _, model = network("fixcaps-published", iterations=2)
    first = torch.stack([squashed(image.mean(0)) for image in votes])
    agreement = torch.stack([(image * sums).sum(-1) for image, sums in zip(votes, first, strict=True)]).mean(0)
    expected = torch.stack([squashed((agreement.softmax(0)[..., None] * image).sum(0)) for image in votes])
    torch.testing.assert_close(model.route(votes), expected)


def test_the_score_of_a_label_is_the_length_of_its_capsule():
    _, model = network("fixcaps")
    totals = torch.randn(2, CLASSES, 16)
    lengths = squash(totals, dim=2).norm(dim=2)
    torch.testing.assert_close(model.logits(totals).sigmoid(), lengths)


def test_the_margin_loss_is_of_what_is_known():
    lengths = torch.tensor([[0.95, 0.3], [0.5, 0.05]])
    torch.testing.assert_close(
        margin_loss(lengths, torch.tensor([[0.0], [0.0]]), torch.tensor([1.0, 9.0])),
        torch.tensor((0.5 * 0.2**2 + 0.4**2) / 2),
    )
    by_class = margin_loss(lengths, torch.tensor([[0.0], [1.0]]), torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(by_class, torch.tensor((0.5 * 0.2**2 + 3 * (0.85**2 + 0.5 * 0.4**2)) / 4))
    labels = torch.tensor([[1.0, float("nan")], [0.0, 1.0]])
    of_labels = margin_loss(lengths, labels, torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(of_labels, torch.tensor((0.5 * 0.4**2 + 2 * 0.85**2) / 3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_every_part_learns(images, name, task):
    encoder, model = network(name)
    labels = [f"label{number}" for number in range(CLASSES)] if task != "binary" else ["no", "yes"]
    targets = torch.tensor([[0.0, 1, 1, 0, 1, 0, 1]] * 3) if task == "multilabel" else torch.tensor([[0.0], [1], [1]])
    logits = read(encoder.train(), model.train(), images)[:, : len(labels)]
    weights = torch.ones(len(labels))
    load_model(name).loss(logits, targets, load_task(task, labels), weights, 0.0, {}).backward()
    found = {**dict(encoder.named_parameters()), "matrices": model.matrices}
    assert all(each.grad is not None and each.grad.isfinite().all() and each.grad.any() for each in found.values())


def test_it_reads_the_tokens_of_other_encoders_too_and_predicts_what_it_did(small):
    train = {"layers": "full", "epochs": 6, "learning_rate": 0.01, "init_from": "encoder"}
    config = small.model(architecture="fixcaps", images="raw", settings={"capsules": 65}, train=train)
    known = small.train(config).query("part == 'test'").set_index("pair_id")
    cases = pd.DataFrame({"id": small.pairs["pair_id"], "image": map(str, map(small.save_png, range(60)))})
    found = pd.concat(Predictor(small.fold(config)).predict(cases[cases["id"].isin(known.index)])).set_index("id")
    np.testing.assert_allclose(found["score"], known.loc[found.index, "score"], atol=1e-5)
    assert roc_auc_score(known["label"], known["score"]) > 0.95


def test_more_tokens_than_it_has_matrices_are_reported():
    _, model = network("fixcaps", capsules=10)
    tokens = Tokens(torch.zeros(1, 65, 8), torch.ones(1, 65, dtype=torch.bool))
    with pytest.raises(UserError, match=r"settings\.capsules: found 10, but the image encoder makes 65 tokens"):
        model({"image": tokens})


def test_images_that_are_too_small_are_reported():
    encoder, _ = network("fixcaps")
    with pytest.raises(UserError, match=r"images\.image_size: found 64, expected 71 or more for fixcaps"):
        encoder(torch.zeros(1, 3, 64, 64))


def test_capsules_have_no_place_in_the_image_so_they_are_not_explained(params):
    entry = {"architecture": "fixcaps", "images": "raw", "encoders": {"image": "fixcaps"}, "explained": True}
    params["studies"]["demo"]["models"]["image_fixcaps"] = entry
    with pytest.raises(UserError, match=r"image_fixcaps\.explained: found true, but the tokens of fixcaps have no pl"):
        load_studies(params)
