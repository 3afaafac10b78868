"""Relevancy of attention against the equations of the paper, and of models that read what is known."""

import pytest
import torch
from drawn_networks import drawn_case, network
from torch import Tensor, nn

from lungfuse.errors import UserError
from lungfuse.explain.relevancy import relevant, spread
from lungfuse.layers.blocks import Dropout, Inputs, Readings, attend, means
from lungfuse.models import load_model
from lungfuse.relevance.attention import encoded, with_attention
from lungfuse.relevance.kinds import both_classes
from lungfuse.relevance.methods import method
from lungfuse.relevance.network import ExplainedNetwork

ALL = ["image", "text", "structured"]
TARGET = torch.tensor([0, 1, 1])
FUSION = {"width": 8, "heads": 2, "hidden": 4, "dropout": 0.0}


def explained_by(network: ExplainedNetwork, case, target: Tensor = TARGET) -> dict[str, Tensor]:
    return method("relevancy").explain(network, case, target)


def test_heads_count_where_they_speak_for_the_target():
    weights = torch.tensor([[[[0.4, 0.6]], [[0.9, 0.1]]]], requires_grad=True)  # (case, head, query, key)
    (found,) = relevant((weights * torch.tensor([[[[1.0, -1.0]], [[2.0, 3.0]]]])).sum(), [weights])
    torch.testing.assert_close(found, torch.tensor([[[(0.4 + 1.8) / 2, 0.3 / 2]]]))


def test_joint_attention_by_hand():
    """A token of a, two of b: R = I + A, and what the two means read of it."""
    attention = torch.tensor([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]])
    pools = [torch.tensor([[[2.0]]]), torch.tensor([[[3.0, 4.0]]])]
    steps = load_model("joint").build({"a": 4, "b": 4}, 1, **FUSION).attended()
    places = {"a": torch.tensor([0]), "b": torch.tensor([1, 2])}
    found = spread(torch.eye(3)[None], [attention, *pools], steps, places)
    expected = [2 * 1.1 + 3 * 0.4 + 4 * 0.7, 2 * 0.2 + 3 * 1.5 + 4 * 0.8, 2 * 0.3 + 3 * 0.6 + 4 * 1.9]
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_streams_of_one_token_by_hand():
    """a and b read each other twice; the second time, what each gave to the other comes back: eq. 11."""
    steps = load_model("kv-exchange").build({"a": 4, "b": 4}, 1, blocks=2, **FUSION).attended()
    attention = [torch.tensor([[[each]]]) for each in [0.1, 0.2, 0.3, 0.4, 1.0, 10.0]]
    found = spread(torch.eye(2)[None], attention, steps, {"a": torch.tensor([0]), "b": torch.tensor([1])})
    a, b = [1 + 0.3 * 0.2, 0.1 + 0.3], [0.2 + 0.4, 1 + 0.4 * 0.1]
    torch.testing.assert_close(found, torch.tensor([[a[0] + 10 * b[0], a[1] + 10 * b[1]]]))


def test_irene_by_hand():
    """One token of the image and one of the text: in each block both read themselves, and each other."""
    model = load_model("irene").build({"image": 4, "text": 4}, 1, blocks=1, **FUSION)
    first, second = [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]
    attention = [torch.tensor([[[each]]]) for each in first + second]
    attention += [torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]), torch.tensor([[[1.0, 10.0]]])]
    places = {"image": torch.tensor([0]), "text": torch.tensor([1])}
    found = spread(torch.eye(2)[None], attention, model.attended(), places)
    ii, it, tt, ti = 1.1, 0.2, 1.3, 0.4
    ii, it = ii + 0.5 * ii + 0.6 * ti, it + 0.5 * it + 2 * 0.6 * 2  # normalised, what a token got of itself is 1
    tt, ti = tt + 0.7 * tt + 0.8 * 0.2, ti + 0.7 * ti + 2 * 0.8 * 2
    torch.testing.assert_close(found, torch.tensor([[ii + 11 * ti, it + 11 * tt]]))


def residual(own: Tensor) -> Tensor:
    """Eq. 8 and 9."""
    got = own - torch.eye(len(own))
    return (got / got.sum(1, keepdim=True)).nan_to_num() + torch.eye(len(own))


def test_two_streams_as_the_paper_has_it():
    """ViT and BERT, each with its own attention, that read each other in two blocks: a table for each pair."""
    explained = network("kv-exchange", ["image", "text"])
    explained.model = load_model("kv-exchange").build({"image": 64, "text": 64}, 2, blocks=2, **FUSION).eval()
    for parameter in explained.model.parameters():
        parameter.data *= 4  # so that attention differs, and what streams read of each other counts
    case = drawn_case(explained)
    streams = {name: encoded(explained, case, name) for name in ["image", "text"]}
    logits, of_model = with_attention(lambda: explained.model({name: each for name, (each, _) in streams.items()}))
    logit = explained.logit(logits, TARGET).sum()
    one, weights = 1, [relevant(logit, each) for each in [streams["image"][1], streams["text"][1], of_model]]
    (of_image, of_text, of_model), held = [[each[one] for each in some] for some in weights], []
    for own in [of_image, of_text]:
        total = torch.eye(own[0].shape[0])
        for each in own:
            total = total + each @ total  # eq. 6
        held.append(total)
    (ii, tt), it, ti = held, torch.zeros(65, 7), torch.zeros(7, 65)
    for of_i, of_t in [of_model[:2], of_model[2:4]]:
        i, t = residual(ii), residual(tt)
        it, ti, ii, tt = it + i.T @ of_i @ t, ti + t.T @ of_t @ i, ii + of_i @ ti, tt + of_t @ it  # eq. 10 and 11
    pool_i, pool_t = of_model[4:]
    found = explained_by(explained, case)
    of_image, of_text = (pool_i @ ii + pool_t @ ti)[0, 1:], (pool_i @ it + pool_t @ tt)[0]
    torch.testing.assert_close(found["image"][one].flatten(), of_image, rtol=1e-5, atol=0)
    words = case.there["text"][one] & ~case.special[one]
    torch.testing.assert_close(found["text"][one], of_text * words, rtol=1e-5, atol=0)
    assert ((pool_i @ it)[0][words] > 1e-3 * of_text[words]).all(), "what the image reads of words is seen"


def with_head_of(explained: ExplainedNetwork, name: str) -> nn.Module:
    """The model, whose logit is read from the stream of one modality alone."""
    at = explained.modalities.index(name)
    head = nn.Linear(32 * len(explained.modalities), 2)
    head.weight.data[:, : 32 * at], head.weight.data[:, 32 * (at + 1) :] = 0, 0
    explained.model.head = head
    return explained.model


@pytest.mark.parametrize("name", ALL)
def test_a_stream_that_reads_no_other_is_relevant_alone(name):
    explained = network("kv-exchange", ALL, "cnn")
    model, case = with_head_of(explained, name), drawn_case(explained)
    assert all((each > 0).any() for each in explained_by(explained, case).values())
    model.streams[name][0].attention.out.weight.data.zero_()
    found = explained_by(explained, case)
    assert {other for other, each in found.items() if (each > 0).any()} == {name}


class Pointing(nn.Module):
    """A model that reads one token of the image, without saying how where `says` is nothing."""

    def __init__(self, token: int, says: Readings | None):
        super().__init__()
        self.bias = torch.full((4,), -torch.inf)
        self.bias[token] = 0
        if says is not None:
            self.attended = lambda: says

    def forward(self, inputs: Inputs) -> Tensor:
        values = inputs["image"].values[:, None]
        read = attend(torch.zeros_like(values[:, :, :1]), values, values, self.bias, Dropout(0))
        return both_classes(read.square().sum((1, 3)))


def test_the_one_token_that_is_read_is_relevant_alone():
    explained = network("image", ["image"], "cnn")
    case = drawn_case(explained)
    for token in range(4):
        explained.model = Pointing(token, means(["image"]))
        found = explained_by(explained, case, torch.tensor([1, 1, 1]))["image"].flatten(1)
        assert (found > 0).nonzero()[:, 1].tolist() == [token] * 3


class Attending(Pointing):
    """The same with a query of each token."""

    def forward(self, inputs: Inputs) -> Tensor:
        values = inputs["image"].values[:, None]
        return both_classes(attend(values, values, values, None, Dropout(0)).square().sum((1, 2, 3))[:, None])


def test_a_model_that_does_not_say_what_it_attends_to_is_left_out_and_a_wrong_word_is_reported():
    explained = network("image", ["image"], "cnn")
    explained.model = Attending(0, None)
    assert explained_by(explained, drawn_case(explained)) == {}
    explained.model = Attending(0, means(["image"]))
    with pytest.raises(UserError, match=r"Attending: found attention of \[\(4, 4\)\] queries and keys, expected \[\(1"):
        explained_by(explained, drawn_case(explained))


def test_of_a_mean_that_is_read_all_tokens_share_the_relevance():
    explained = network("kv-exchange", ALL, "cnn")
    explained.pools = {"image"}
    found = explained_by(explained, drawn_case(explained))
    assert found["image"].shape == (3, 2, 2)
    assert (found["image"] > 0).any()
    torch.testing.assert_close(found["image"], found["image"][:, :1, :1].expand(-1, 2, 2))


@pytest.mark.parametrize("architecture", ["early", "joint", "kv-exchange", "irene"])
def test_what_is_absent_and_marks_are_not_relevant(architecture):
    explained = network(architecture, ALL)
    case = drawn_case(explained)
    for absent, name in enumerate(ALL):
        case.there[name] = case.there[name].clone()
        case.there[name][absent] = False
    found = explained_by(explained, case)
    for absent, name in enumerate(ALL):
        assert (found[name].flatten(1).sum(1) > 0).tolist() == [number != absent for number in range(3)]
    assert (found["text"][case.special | ~case.there["text"]] == 0).all()


def test_targets_differ():
    explained = network("joint", ALL, "vit", "multiclass")
    case = drawn_case(explained)
    found = [explained_by(explained, case, torch.tensor(target)) for target in [[0, 1, 2], [0, 2, 2]]]
    same = [torch.equal(*(each["image"][number] for each in found)) for number in range(3)]
    assert same == [True, False, True], "cases do not touch each other"
