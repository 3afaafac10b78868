"""Every model keeps the same promises, whatever it reads and however many outputs it has."""

import pytest
import torch
from transformers import BertConfig, BertModel

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import TextEncoder
from lungfuse.encoders.networks import bert
from lungfuse.encoders.networks.transformer import ATTENTION
from lungfuse.layers.blocks import Attention, Dropout, Inputs, Tokens, masked_mean, watched_attention
from lungfuse.models import load_model, model_names, model_spec

FUSION = {"width": 16, "heads": 4, "blocks": 2, "hidden": 8, "dropout": 0.2}
WIDTHS = {"image": 12, "text": 20, "structured": 16}
OUTPUTS = 3
SETS = [["image", "text"], ["image", "structured"], ["text", "structured"], ["image", "text", "structured"]]
KEEPS_NONE = ["fixcaps-published"]  # of these promises, which are the errors that it is kept for: see test_fixcaps
CASES = [
    (name, modalities)
    for name in model_names("unimodal", "fusion")
    if name not in KEEPS_NONE
    for modalities in [[each] for each in WIDTHS] + SETS
    if model_spec(name).takes(set(modalities)) and not model_spec(name).paired  # of these: test_zero_shot.py
]
FUSED = [case for case in CASES if len(case[1]) > 1]
ids = ["-".join([name, *modalities]) for name, modalities in CASES]
fused_ids = ["-".join([name, *modalities]) for name, modalities in FUSED]
every = pytest.mark.parametrize(("name", "modalities"), CASES, ids=ids)
every_fused = pytest.mark.parametrize(("name", "modalities"), FUSED, ids=fused_ids)


def build(name, modalities):
    torch.manual_seed(0)
    spec = model_spec(name)
    settings = {key: FUSION[key] for key in spec.fusion} | spec.completed({})
    return load_model(name).build({each: WIDTHS[each] for each in modalities}, OUTPUTS, **settings).eval()


def inputs_of(modalities, seed=1):
    """Three pairs: nine image tokens, up to six text tokens with padding, and two columns."""
    torch.manual_seed(seed)
    tokens = {
        "image": Tokens(torch.randn(3, 9, 12), torch.ones(3, 9, dtype=torch.bool)),
        "text": Tokens(torch.randn(3, 6, 20), torch.arange(6) < torch.tensor([[6], [4], [2]])),
        "structured": Tokens(torch.randn(3, 2, 16), torch.ones(3, 2, dtype=torch.bool)),
    }
    return {each: tokens[each] for each in modalities}


def longer(inputs, by=3):
    """The same sequences with garbage behind their ends, masked."""
    found = {}
    for name, (values, mask) in inputs.items():
        garbage = torch.full((len(values), by, values.shape[2]), 1e3)
        masked = torch.zeros(len(values), by, dtype=torch.bool)
        found[name] = Tokens(torch.cat([values, garbage], 1), torch.cat([mask, masked], 1))
    return found


def without(inputs, name, case=0):
    """The same where one case lacks a modality."""
    values, mask = inputs[name]
    mask = mask.clone()
    mask[case] = False
    return inputs | {name: Tokens(values, mask)}


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@every
def test_a_model_gives_its_outputs_for_each_pair(name, modalities):
    assert build(name, modalities)(inputs_of(modalities)).shape == (3, OUTPUTS)


@every
def test_padding_changes_nothing(name, modalities):
    model, inputs = build(name, modalities), inputs_of(modalities)
    close(model(longer(inputs)), model(inputs))


@every
def test_a_pair_does_not_depend_on_the_others_of_its_batch(name, modalities):
    model, inputs = build(name, modalities), without(inputs_of(modalities), modalities[0])
    alone = {each: Tokens(values[2:], mask[2:]) for each, (values, mask) in inputs.items()}
    close(model(inputs)[2:], model(alone))


@every
def test_what_stands_in_an_absent_modality_changes_nothing(name, modalities):
    model, inputs = build(name, modalities), inputs_of(modalities)
    for absent in modalities:
        lacking = without(inputs, absent)
        values, mask = lacking[absent]
        others = torch.cat([torch.full_like(values[:1], 1e3), values[1:]])
        close(model(lacking | {absent: Tokens(others, mask)}), model(lacking))
        assert model(lacking).isfinite().all()
        close(model(lacking)[1:], model(inputs)[1:])


@every
def test_an_absent_modality_is_a_token_that_learns(name, modalities):
    model = build(name, modalities)
    for absent in modalities:
        model.zero_grad()
        model(without(inputs_of(modalities), absent)).square().sum().backward()
        learned = {each: token.grad is not None for each, token in model.absent.tokens.items()}
        assert learned == {each: each == absent for each in modalities}


@every
def test_a_case_that_lacks_everything_is_distinguished_by_nothing(name, modalities):
    model, lacking = build(name, modalities), inputs_of(modalities)
    for absent in modalities:
        lacking = without(without(lacking, absent, 0), absent, 1)
    close(model(lacking)[0], model(lacking)[1])


@every_fused
def test_all_modalities_decide_and_receive_gradients(name, modalities):
    model, inputs = build(name, modalities), inputs_of(modalities)
    before = model(inputs)
    for each in modalities:
        values, mask = inputs[each]
        changed = inputs | {each: Tokens(values + torch.randn_like(values), mask)}
        assert not torch.allclose(model(changed), before), each
        values.requires_grad_()
    model(inputs).square().sum().backward()
    for values, mask in inputs.values():
        assert values.grad[mask].abs().sum() > 0
        assert values.grad[~mask].abs().sum() == 0, "padding takes part"
    idle = [key for key, parameter in model.named_parameters() if parameter.grad is None and "absent" not in key]
    assert not idle, "parameters that nothing uses"


def attention_of(model: torch.nn.Module, inputs: Inputs) -> list[torch.Tensor]:
    """The weights of attention, (B, heads, T, S), in the order in which they are computed, those of means last."""
    found = []

    def keep(weights: torch.Tensor) -> torch.Tensor:
        found.append(weights)
        return weights

    with watched_attention(keep):
        model(inputs)
    return found


def test_a_mean_that_is_watched_is_the_same_and_reads_all_real_tokens_alike():
    values, mask = torch.rand(3, 4, 5), torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).bool()
    with watched_attention(lambda weights: found.append(weights) or weights):
        found: list[torch.Tensor] = []
        watched = masked_mean(values, mask)
    torch.testing.assert_close(watched, masked_mean(values, mask))
    torch.testing.assert_close(found[0][:, 0, 0], torch.tensor([[0.5, 0.5, 0, 0], [0.25] * 4, [0] * 4]))


def test_joint_attention_gives_each_modality_its_share_whatever_its_length():
    """With equal scores everywhere, nine image tokens, two text tokens and two columns get a third of it each."""
    model, inputs = build("joint", list(WIDTHS)), inputs_of(WIDTHS)
    torch.nn.init.zeros_(model.attention.query.weight)
    torch.nn.init.zeros_(model.attention.query.bias)
    weights, *_ = attention_of(model, inputs)  # (pair, head, query, key)
    torch.testing.assert_close(weights[..., :9].sum(-1), torch.full(weights.shape[:-1], 1 / 3))


def test_exchange_reads_keys_and_values_of_the_other_modalities_alone():
    model = build("kv-exchange", list(WIDTHS))
    weights = dict(zip(model.streams, attention_of(model, inputs_of(WIDTHS)), strict=False))  # of the first block
    assert weights["text"].shape == (3, 4, 6, 11), "text queries, keys of image and columns"
    assert weights["image"].shape == (3, 4, 9, 8), "image queries, keys of text and columns"
    assert weights["structured"].shape == (3, 4, 2, 15), "queries of columns, keys of image and text"
    assert (weights["image"][2, ..., 2:6] == 0).all(), "padded words are not read"


def test_irene_has_an_output_projection_a_stream_and_needs_an_image():
    for block in build("irene", ["image", "text", "structured"]).bidirectional:
        assert block.image.attention.out is not block.clinical.attention.out
    assert not model_spec("irene").takes({"text", "structured"})


def test_attention_is_that_of_pytorch():
    torch.manual_seed(0)
    ours, theirs = Attention(16, 4, 0.0), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    projections = [ours.query, ours.key, ours.value]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([projection.weight for projection in projections]))
        theirs.in_proj_bias.copy_(torch.cat([projection.bias for projection in projections]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, context, mask = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.arange(7) < torch.tensor([[7], [3]])
    expected, _ = theirs(x, context, context, key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, context, mask), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_keeps_the_mean(dtype):
    torch.manual_seed(0)
    x = torch.ones(301, 333, dtype=dtype, requires_grad=True)
    y = Dropout(0.1)(x)
    y.sum().backward()
    assert y.dtype == dtype
    assert abs((y == 0).float().mean() - 0.1) < 0.005
    assert abs(y.float().mean() - 1) < 0.006
    assert torch.equal(x.grad, y), "the gradient passes where the value did"
    assert not torch.equal(Dropout(0.1)(x), y)
    torch.manual_seed(0)
    assert torch.equal(Dropout(0.1)(x), y), "the seed decides"
    assert torch.equal(Dropout(0.1).eval()(x), x)


def test_text_encoders_attend_as_those_of_transformers():
    config = BertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    theirs = BertModel(config, add_pooling_layer=False).eval()
    network = BertModel(BertConfig(**config.to_dict(), attn_implementation=ATTENTION), add_pooling_layer=False)
    network.load_state_dict(theirs.state_dict())
    ours = TextEncoder(encoder_spec("bert-tiny"), network, bert).eval()
    ids, mask = torch.randint(1000, 2000, (3, 6)), torch.arange(6) < torch.tensor([[6], [4], [2]])
    torch.testing.assert_close(ours(ids, mask)[mask], theirs(ids, mask).last_hidden_state[mask], rtol=1e-4, atol=1e-5)


def test_the_mean_is_over_real_tokens():
    tokens = torch.tensor([[[1.0], [3.0], [99.0]]])
    assert masked_mean(tokens, torch.tensor([[True, True, False]])).item() == 2
