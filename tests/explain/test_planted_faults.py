"""A sound explanation of a trained network passes, and faults that are planted in it are caught.

A fault is caught where a measure that a sound explanation passes does not pass.
"""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from drawn_evidence import Drawn, draw, given, learned
from drawn_networks import network

from lungfuse.explain import integrated_gradients
from lungfuse.relevance import curves
from lungfuse.relevance.methods import method
from lungfuse.relevance.network import ExplainedNetwork, Relevance
from lungfuse.relevance.scores import explanation_scores, of_cases

CASES, SEED, TARGET = 20, 10**6, 1
PLACES = ["pointing", "inside", "evidence"]


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(curves, "ORDERS", 1)
    monkeypatch.setattr(curves, "STEPS", 8)
    monkeypatch.setattr(integrated_gradients, "STEPS", 16)


@pytest.fixture(scope="session")
def trained() -> ExplainedNetwork:
    return learned()


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Cases with all evidence, for and against."""
    return draw(CASES, SEED, all_there=True)


@pytest.fixture(scope="session")
def sound(trained, drawn) -> Relevance:
    return explained(trained, drawn)


def explained(network: ExplainedNetwork, drawn: Drawn, name: str = "occlusion", target: int = TARGET) -> Relevance:
    return method(name).explain(network, drawn.case(network), torch.full((CASES,), target))


def said(drawn: Drawn, network: ExplainedNetwork, relevance: Relevance, names: list[str], **others) -> dict:
    """What each measure says of the relevance, by measure, modality and variant."""
    rows = explanation_scores(of_cases(given(drawn, network, relevance, **others), names), "", "", 0.95, 500, 0)
    return dict(zip(zip(rows["measure"], rows["modality"], rows["variant"], strict=True), rows["passes"], strict=True))


def test_the_network_has_learned_the_evidence(trained):
    held_out = draw(64, SEED + 1)
    with torch.no_grad():
        logits = trained(held_out.case(trained))[:, 1]
    assert (logits - held_out.logit).abs().mean() < 0.3


def test_a_sound_explanation_passes(trained, drawn, sound):
    found = said(drawn, trained, sound, [*PLACES, "deletion", "insertion", "padding"])
    assert len(found) == 14
    assert set(found.values()) == {"passes"}


def test_integrated_gradients_pass(trained, drawn):
    found = said(drawn, trained, explained(trained, drawn, "integrated-gradients"), ["inside", "evidence"])
    assert len(found) == 3
    assert set(found.values()) == {"passes"}


def test_a_transposed_map_is_caught(trained, drawn, sound):
    found = said(drawn, trained, {"image": sound["image"].transpose(1, 2)}, ["pointing", "inside"])
    assert found == {("pointing", "image", ""): "fails", ("inside", "image", ""): "fails"}


def test_relevance_of_the_next_word_is_caught(trained, drawn, sound):
    found = said(drawn, trained, {"text": sound["text"].roll(1, 1)}, ["evidence", "deletion", "insertion"])
    assert found[("evidence", "text", "")] == "fails"
    assert "passes" not in found.values()


def test_swapped_colours_are_caught(trained, drawn):
    swapped = explained(trained, replace(drawn, pixels=drawn.pixels.flip(-1)))
    found = said(drawn, trained, swapped, ["pointing", "inside"])
    assert set(found.values()) == {"fails"}


def test_random_weights_are_caught(trained, drawn):
    untrained = explained(network("early", ["image", "text", "structured"]), drawn)
    found = said(drawn, trained, untrained, PLACES)
    assert found[("evidence", "text", "")] != "passes"
    assert found[("pointing", "image", "")] != "passes"


def test_absolute_values_are_caught(trained, drawn, sound):
    found = said(drawn, trained, {"image": sound["image"].abs()}, ["pointing"])
    assert found[("pointing", "image", "")] == "fails"
    found = said(drawn, trained, {"text": sound["text"].abs()}, ["deletion", "insertion"])
    assert "passes" not in found.values()


def test_an_explanation_of_the_other_class_is_caught(trained, drawn):
    other = explained(trained, drawn, target=0)
    found = said(drawn, trained, other, PLACES)
    assert set(found.values()) == {"fails"}
    found = said(drawn, trained, {name: other[name] for name in ["text", "structured"]}, ["deletion", "insertion"])
    assert set(found.values()) == {"fails"}


def test_the_text_of_another_case_is_caught(trained, drawn, sound):
    found = said(drawn, trained, {"text": sound["text"].roll(1, 0)}, ["evidence", "deletion", "insertion"])
    assert "passes" not in found.values()


def test_relevant_padding_is_caught(trained, drawn, sound):
    padding = ~drawn.case(trained).there["text"]
    relevant = torch.where(padding, sound["text"].abs().mean(), sound["text"])
    assert said(drawn, trained, {"text": relevant}, ["padding"])[("padding", "text", "relevance")] == "fails"


def test_a_network_that_reads_padding_is_caught(trained, drawn, sound):
    faulty = deepcopy(trained)
    reads, encoder = faulty.encoders["text"].forward, faulty.encoders["text"]
    encoder.forward = lambda ids, mask: reads(ids, torch.ones_like(mask))
    found = said(drawn, faulty, {"text": sound["text"]}, ["padding"])
    assert found[("padding", "text", "network")] == "fails"


def test_a_map_that_does_not_know_the_weights_is_caught(trained, drawn, sound):
    found = said(drawn, trained, sound, ["randomisation"], method=lambda network: sound)
    last = {key[1:]: word for key, word in found.items() if key[2].startswith("all")}
    assert len(last) == 4
    assert set(last.values()) == {"fails"}


def test_a_method_that_explains_the_weights_passes(trained, drawn, sound):
    def columns(network: ExplainedNetwork) -> Relevance:
        case, target = drawn.case(network), torch.full((CASES,), TARGET)
        with torch.no_grad():
            return {"structured": network.losses(case, target, "structured", torch.eye(3, dtype=torch.bool)).T}

    before = deepcopy(trained.state_dict())
    found = said(drawn, trained, {"structured": sound["structured"]}, ["randomisation"], method=columns)
    assert found[("randomisation", "structured", "all, rank correlation")] == "passes"
    for name, after in trained.state_dict().items():
        assert torch.equal(before[name], after), f"{name}: the network itself was changed"
