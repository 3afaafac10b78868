"""Layer-wise relevance propagation: relevance is conserved, and networks stay as they are."""

import pytest
import torch
from drawn_networks import drawn_case, network
from torch import nn

from lungfuse.encoders import ImageSpec, Random
from lungfuse.encoders.network import ImageEncoder
from lungfuse.encoders.networks import resnet
from lungfuse.errors import UserError
from lungfuse.layers.blocks import watching
from lungfuse.models import load_model
from lungfuse.relevance.lrp_rules import lrp_rules
from lungfuse.relevance.methods import method
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.tasks import load_task

ALL = ["image", "text", "structured"]
NETWORKS = {
    "cnn": ("image", ["image"], "cnn"), "vit": ("image", ["image"], "vit"), "text": ("text", ["text"], "vit"),
    "structured": ("structured", ["structured"], "vit"), "early": ("early", ALL, "vit"), "joint": ("joint", ALL, "vit"),
    "kv-exchange": ("kv-exchange", ALL, "vit"), "irene": ("irene", ALL, "vit"),
    "fused cnn": ("kv-exchange", ALL, "cnn"),
}  # fmt: skip
CONSTANTS = ("bias", "running_mean", "cls_token", "embeddings.position_embeddings", "modality")
TARGET = torch.tensor([0, 1, 1])


def without_constants(explained: ExplainedNetwork) -> ExplainedNetwork:
    """A network in which nothing is added to what it reads, and convolutions let it pass."""
    with torch.no_grad():
        for name, value in explained.state_dict().items():
            if name.endswith(CONSTANTS):
                value.zero_()
        for module in explained.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(2, 4)
                module.running_var.uniform_(0.5, 2)
    return explained


def small_resnet() -> ExplainedNetwork:
    """A residual network of images in colour, whose zeros differ."""
    torch.manual_seed(0)
    shape = {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 2], "layer_type": "bottleneck"}
    spec = ImageSpec(source=Random(0), width=32, layers=4, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3))
    task = load_task("binary", ["normal", "lung"])
    encoder = ImageEncoder(spec, resnet.build(shape), resnet)
    model = load_model("image").build({"image": 32}, task.outputs, hidden=16, dropout=0.1)
    return ExplainedNetwork({"image": encoder}, {}, model, task)


def sums(explained: ExplainedNetwork, case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """What the relevance of each case adds up to, and its logit."""
    found = method("lrp").explain(explained, case, TARGET)
    with torch.no_grad():
        logit = explained.logit(explained(case), TARGET)
    return sum(each.flatten(1).sum(1) for each in found.values()), logit


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_biases_relevance_adds_up_to_the_logit(kind):
    explained = without_constants(network(*NETWORKS[kind]))
    total, logit = sums(explained, drawn_case(explained))
    assert (logit.abs() > 1e-4).all()
    torch.testing.assert_close(total, logit, rtol=1e-3, atol=0)


def test_images_in_colour_have_a_zero_for_each_colour():
    explained = without_constants(small_resnet())
    rng = torch.Generator().manual_seed(1)
    there = {"image": torch.ones(3, dtype=torch.bool)}
    for shape in [(3, 32, 32), (3, 32, 32, 3)]:
        case = Case({"image": torch.rand(shape, generator=rng) * 255}, there)
        total, logit = sums(explained, case)
        torch.testing.assert_close(total, logit, rtol=1e-3, atol=0)


def test_what_is_absent_is_not_relevant():
    explained = network("kv-exchange", ALL)
    case = drawn_case(explained)
    for absent, name in enumerate(ALL):
        case.there[name] = case.there[name].clone()
        case.there[name][absent] = False
    found = method("lrp").explain(explained, case, TARGET)
    for absent, name in enumerate(ALL):
        assert (found[name].flatten(1) != 0).any(1).tolist() == [number != absent for number in range(3)]


@pytest.mark.parametrize("kind", ["cnn", "vit", "irene"])
def test_values_stay_and_nothing_is_left_behind(kind):
    explained = network(*NETWORKS[kind])
    case = drawn_case(explained)
    with torch.no_grad():
        before = explained(case)
        with lrp_rules(explained):
            within = explained(case)
            assert any(module._forward_hooks for module in explained.modules())
        after = explained(case)
    torch.testing.assert_close(within, before, rtol=1e-4, atol=1e-5)
    assert torch.equal(after, before)
    assert not any(module._forward_hooks for module in explained.modules())
    assert watching.get() is None


def test_a_convolution_favours_what_has_the_sign_of_its_output():
    """Two inputs of 1: kernels 2 and -1 give 1, of which (2 + 0.5) / 1.5 and -1 / 1.5; negated, the same negated."""
    convolution = nn.Conv2d(2, 2, 1, bias=False)
    convolution.weight.data = torch.tensor([[2.0, -1.0], [-2.0, 1.0]])[..., None, None]
    x = torch.ones(1, 2, 1, 1, requires_grad=True)
    for output, sign in enumerate([1, -1]):
        with lrp_rules(convolution):
            (found,) = torch.autograd.grad(convolution(x)[0, output].sum(), x)
        torch.testing.assert_close(found.flatten(), sign * torch.tensor([2.5, -1]) / 1.5)


def test_an_activation_passes_on_what_comes_out_and_a_norm_takes_its_deviation_as_constant():
    x = torch.tensor([[-1.0, 0.0, 2.0, 7.0]], requires_grad=True)
    for module in [nn.GELU(), nn.ReLU6()]:
        with lrp_rules(module):
            y = module(x)
            (found,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(x * found, y)
    norm = nn.LayerNorm(4)
    with lrp_rules(norm):
        (found,) = torch.autograd.grad(norm(x)[0, 3], x)
    expected = (torch.tensor([0.0, 0, 0, 1]) - 0.25) / x.std(correction=0)
    torch.testing.assert_close(found[0], expected.detach(), rtol=1e-4, atol=1e-5)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))


@pytest.mark.parametrize("module", [nn.GRU(4, 4), nn.Softplus(), Scaled()])
def test_a_module_without_a_rule_is_refused(module):
    kind = type(module).__name__
    with pytest.raises(UserError, match=rf"found {kind} \(1\), which has no rule"):  # noqa: SIM117
        with lrp_rules(nn.Sequential(nn.Linear(4, 4), module)):
            pass
