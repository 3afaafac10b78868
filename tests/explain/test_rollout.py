"""Attention rollout of hand-made attention, and of networks."""

from dataclasses import replace

import torch
from drawn_networks import drawn_case, network

from lungfuse.explain.rollout import rolled_out
from lungfuse.relevance.methods import method

ALL = ["image", "text", "structured"]
TARGET = torch.tensor([0, 1, 1])


def test_layers_of_attention_are_multiplied():
    """Two tokens and two layers; the heads of the first differ, and half of each token stays."""
    first = torch.tensor([[[[0.2, 0.8], [0.0, 1.0]], [[0.8, 0.2], [0.0, 1.0]]]])  # (case, head, query, key)
    second = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    expected = torch.tensor([[[0.75, 0.25], [0.25 * 0.75, 0.25 * 0.25 + 0.75]]])
    torch.testing.assert_close(rolled_out([first, second]), expected)


def test_words_beside_padding_have_what_they_have_without_it():
    explained = network("text", ["text"])
    case = drawn_case(explained)
    found = method("rollout").explain(explained, case, TARGET)["text"]
    cut = {"text": case.entries["text"][1:2, :5]}
    short = replace(case, entries=cut, there={"text": case.there["text"][1:2, :5]}, special=case.special[1:2, :5])
    torch.testing.assert_close(method("rollout").explain(explained, short, TARGET[:1])["text"][0], found[1, :5])
    assert (found[case.special | ~case.there["text"]] == 0).all(), "marks and padding are no words"
    assert ((found.sum(1) > 0.5) & (found.sum(1) < 1)).all(), "marks take a share"


def test_what_has_no_attention_or_is_absent_is_left_out():
    cnn = network("image", ["image"], "cnn")
    assert method("rollout").explain(cnn, drawn_case(cnn), TARGET) == {}
    fused = network("kv-exchange", ALL, "cnn")
    assert set(method("rollout").explain(fused, drawn_case(fused), TARGET)) == {"text"}
    vit = network("early", ALL)
    case = drawn_case(vit)
    case.there["image"][0] = False
    found = method("rollout").explain(vit, case, TARGET)["image"]
    assert found.shape == (3, 8, 8)
    assert (found.sum((1, 2)) > 0).tolist() == [False, True, True]


def test_it_is_the_same_for_every_target():
    explained = network("irene", ALL)
    case = drawn_case(explained)
    found = [method("rollout").explain(explained, case, target) for target in [TARGET, 1 - TARGET]]
    assert torch.equal(found[0]["text"], found[1]["text"])
