"""Every method explains every network that it can, and what it promises of sums holds."""

import pytest
import torch
from drawn_networks import drawn_case, network

from lungfuse.relevance.methods import method, method_names

ALL = ["image", "text", "structured"]
NETWORKS = {
    "cnn": lambda task: network("image", ["image"], "cnn", task), "vit": lambda task: network("image", ["image"], "vit",
    task), "text": lambda task: network("text", ["text"], task=task), **{name: lambda task, name=name: network(name,
    ALL, "vit", task) for name in ["early", "joint", "kv-exchange", "irene"]}, "fused cnn": lambda task:
    network("kv-exchange", ALL, "cnn", task),
}  # fmt: skip
TARGETS = {"binary": [0, 1, 1], "multiclass": [0, 2, 1], "multilabel": [1, 0, 1]}


EVERY_TASK = [(kind, task) for kind in ["cnn", "vit", "kv-exchange"] for task in TARGETS]
OTHERS = [(kind, "binary") for kind in NETWORKS if kind not in ["cnn", "vit", "kv-exchange"]]


@pytest.mark.parametrize(("kind", "task"), EVERY_TASK + OTHERS)
@pytest.mark.parametrize("name", method_names())
def test_a_method_explains_every_network_and_task(name, kind, task):
    explained, target = NETWORKS[kind](task), torch.tensor(TARGETS[task])
    case, tried = drawn_case(explained), method(name)
    found = tried.explain(explained, case, target)
    assert set(found) <= set(tried.explains(explained.modalities))
    for modality, each in found.items():
        assert each.isfinite().all()
        assert each.shape[0] == 3
        assert each.ndim == (3 if modality == "image" else 2)
        assert tried.signed or (each >= 0).all()
        assert (each != 0).any(), f"{modality}: nothing is relevant"
    if "text" in found:
        assert (found["text"][~case.there["text"]] == 0).all(), "padding is relevant"


@pytest.mark.parametrize("kind", ["cnn", "early", "kv-exchange"])
def test_integrated_gradients_add_up_to_the_change_of_the_logit(kind):
    explained, target = NETWORKS[kind]("binary"), torch.tensor([0, 1, 1])
    case = drawn_case(explained)
    found = method("integrated-gradients").explain(explained, case, target)
    total = sum(each.flatten(1).sum(1) for each in found.values())
    torch.testing.assert_close(total, change(explained, case, target), rtol=0.01, atol=1e-4)


def test_shapley_values_of_columns_add_up_to_what_they_change_together():
    explained, target = NETWORKS["joint"]("multiclass"), torch.tensor([0, 1, 1])
    case = drawn_case(explained)
    found = method("shapley").explain(explained, case, target)["structured"]
    torch.testing.assert_close(found.sum(1), change(explained, case, target, "structured"), rtol=0, atol=1e-6)


def change(explained, case, target, *modalities: str) -> torch.Tensor:
    """How the logit of each case differs from that without what it holds, of some or all modalities."""
    neutral = explained.neutral(case)
    without = case.at(case.entries | {name: neutral[name] for name in modalities or neutral})
    with torch.no_grad():
        logits = [explained.logit(explained(each), target) for each in [case, without]]
    return logits[0] - logits[1]
