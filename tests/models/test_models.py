import pytest
import torch
from transformers import BertConfig, BertModel

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import TextEncoder
from lungfuse.encoders.networks import bert
from lungfuse.encoders.networks.transformer import ATTENTION
from lungfuse.models import build_model
from lungfuse.models.blocks import Attention, Dropout, masked_mean
from lungfuse.settings.rows import TRAINED
from lungfuse.settings.training import FusionSettings

SETTINGS = FusionSettings(width=16, heads=4, blocks=2, hidden=8, dropout=0.2)
IMAGE_WIDTH, TEXT_WIDTH = 12, 20
FUSED = sorted(TRAINED - {"image", "text"})


def build(name):
    torch.manual_seed(0)
    return build_model(name, IMAGE_WIDTH, TEXT_WIDTH, SETTINGS).eval()


def inputs_of(name, seed=1):
    """Three pairs: nine image tokens, and up to six text tokens with padding."""
    torch.manual_seed(seed)
    image, image_mask = torch.randn(3, 9, IMAGE_WIDTH), torch.ones(3, 9, dtype=torch.bool)
    text, text_mask = torch.randn(3, 6, TEXT_WIDTH), torch.arange(6) < torch.tensor([[6], [4], [2]])
    return {"image": (image, image_mask), "text": (text, text_mask)}.get(name, (image, image_mask, text, text_mask))


def lengthen(tokens, mask, by=3):
    """The same sequence with garbage behind its end, masked."""
    garbage = torch.full((*tokens.shape[:1], by, tokens.shape[2]), 1e3)
    return torch.cat([tokens, garbage], 1), torch.cat([mask, torch.zeros(len(mask), by, dtype=torch.bool)], 1)


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_a_model_gives_two_logits_a_pair(name):
    assert build(name)(*inputs_of(name)).shape == (3, 2)


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_padding_changes_nothing(name):
    inputs = inputs_of(name)
    longer = [part for start in range(0, len(inputs), 2) for part in lengthen(*inputs[start : start + 2])]
    model = build(name)
    torch.testing.assert_close(model(*longer), model(*inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FUSED)
def test_both_modalities_decide_and_receive_gradients(name):
    image, image_mask, text, text_mask = inputs_of(name)
    model = build(name)
    before = model(image, image_mask, text, text_mask)
    assert not torch.allclose(model(image + 1 * torch.randn_like(image), image_mask, text, text_mask), before)
    assert not torch.allclose(model(image, image_mask, text + 1 * torch.randn_like(text), text_mask), before)
    image.requires_grad_(), text.requires_grad_()
    model(image, image_mask, text, text_mask).square().sum().backward()
    assert image.grad.abs().sum() > 0
    assert text.grad[text_mask].abs().sum() > 0
    assert text.grad[~text_mask].abs().sum() == 0, "padding takes part"
    idle = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert not idle, "parameters that nothing uses"


@pytest.mark.parametrize("name", FUSED)
def test_a_pair_does_not_depend_on_the_others_of_its_batch(name):
    inputs = inputs_of(name)
    model = build(name)
    alone = model(*(part[2:] for part in inputs))
    torch.testing.assert_close(model(*inputs)[2:], alone, rtol=1e-4, atol=1e-5)


def test_joint_attention_gives_each_modality_half_whatever_its_length():
    """With equal scores everywhere, nine image tokens and two text tokens get half of the attention each."""
    model = build("joint")
    model.attention.keep_weights = True
    torch.nn.init.zeros_(model.attention.query.weight)
    torch.nn.init.zeros_(model.attention.query.bias)
    model(*inputs_of("joint"))
    weights = model.attention.weights  # (pair, head, query, key)
    torch.testing.assert_close(weights[..., :9].sum(-1), torch.full(weights.shape[:-1], 0.5))


def test_exchange_reads_keys_and_values_of_the_other_modality_alone():
    model = build("kv-exchange")
    for stream in [*model.text_streams, *model.image_streams]:
        stream.attention.keep_weights = True
    model(*inputs_of("kv-exchange"))
    assert model.text_streams[0].attention.weights.shape == (3, 4, 6, 9), "text queries, image keys"
    assert model.image_streams[0].attention.weights.shape == (3, 4, 9, 6), "image queries, text keys"
    assert (model.image_streams[0].attention.weights[2, ..., 2:] == 0).all(), "padded words are not read"


def test_irene_has_an_output_projection_a_stream():
    model = build("irene")
    for block in model.bidirectional:
        assert block.image.attention.out is not block.text.attention.out


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
