"""Images are classified by prompts: by two towers from elsewhere, or two that the study's own pairs have taught."""

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import LABELS
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from lungfuse.errors import UserError
from lungfuse.layers.blocks import Tokens
from lungfuse.models import load_model
from lungfuse.plan.job import flat
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.kinds import explained
from lungfuse.relevance.methods import method
from lungfuse.relevance.network import Case
from lungfuse.tasks import load_task

PROMPTS = {"normal": ["lungs clear", "study lungs clear"], "lung": ["lungs low"]}
WIDTH = 6


def tokens(*rows: list[float]) -> Tokens:
    """One token a row."""
    values = torch.tensor(rows)[:, None]
    return Tokens(values, torch.ones(values.shape[:2], dtype=torch.bool))


def zero_shot(task, prompts, absent=None, scale=10.0):
    widths = {"image": WIDTH, "text": WIDTH}
    outputs = load_task(task, LABELS[task]).outputs
    return load_model("zero-shot").build(widths, outputs, prompts=prompts, absent=absent or {}, scale=scale)


def test_a_class_is_the_mean_of_its_prompts():
    network, eye = zero_shot("binary", PROMPTS), torch.eye(WIDTH)
    assert network.texts == ["lungs clear", "study lungs clear", "lungs low"]
    network.read_prompts(tokens(eye[0].tolist(), (3 * eye[1]).tolist(), eye[2].tolist()))
    logits = network({"image": tokens((5 * eye[2]).tolist(), eye[0].tolist())})
    torch.testing.assert_close(logits, torch.tensor([[0.0, 10.0], [10 / 2**0.5, 0.0]]))


def test_a_label_is_there_where_its_prompts_are_nearer_than_those_of_its_absence():
    said = {label: [f"{label} opacity"] for label in LABELS["multilabel"]}
    network, eye = zero_shot("multilabel", said, {label: [f"no {label}"] for label in said}), torch.eye(WIDTH)
    network.read_prompts(tokens(*eye[:4].tolist()))
    found = network({"image": tokens(eye[0].tolist(), eye[3].tolist())})
    torch.testing.assert_close(found, torch.tensor([[10.0, 0.0], [0.0, -10.0]]))


def test_an_image_that_is_missing_is_of_no_class():
    network = zero_shot("binary", PROMPTS)
    network.read_prompts(tokens(*torch.randn(3, WIDTH).tolist()))
    absent = Tokens(torch.randn(1, 1, WIDTH), torch.zeros(1, 1, dtype=torch.bool))
    assert network({"image": absent}).tolist() == [[0, 0]]


def test_towers_of_other_widths_are_refused():
    with pytest.raises(
        UserError, match="image encoder of width 8 and a text encoder of width 4, expected two that were"
    ):
        load_model("zero-shot").build({"image": 8, "text": 4}, 2, prompts=PROMPTS, absent={}, scale=1.0)


def two_tower():
    torch.manual_seed(0)
    widths = {"image": WIDTH, "text": 4}
    return load_model("two-tower").build(widths, 2, width=16, dropout=0.0, text="findings", prompts=PROMPTS, absent={})


def test_contrast_is_the_mean_of_both_cross_entropies_over_whole_pairs():
    """A pair that lacks its image or its text counts for nothing."""
    network, images, texts = two_tower(), torch.randn(5, 2, WIDTH), torch.randn(5, 3, 4)
    masks = [torch.ones(5, 2, dtype=torch.bool), torch.ones(5, 3, dtype=torch.bool)]
    masks[0][1], masks[1][3] = False, False
    found = network.contrast({"image": Tokens(images, masks[0]), "text": Tokens(texts, masks[1])})
    whole = [0, 2, 4]
    embedded = [network.embedded(name, Tokens(each[whole], torch.ones(3, each.shape[1], dtype=torch.bool)))
                for name, each in [("image", images), ("text", texts)]]  # fmt: skip
    logits = network.log_scale.exp() * embedded[0] @ embedded[1].T
    own = [torch.nn.functional.cross_entropy(each, torch.arange(3)) for each in (logits, logits.T)]
    torch.testing.assert_close(found, sum(own) / 2)


def test_the_same_text_belongs_to_the_images_of_all_pairs_that_have_it():
    """Which of them an image comes with cannot be known, and need not: of one text alone there is nothing to learn."""
    network, images, text = two_tower(), torch.randn(2, 1, WIDTH), torch.randn(1, 1, 4)
    inputs = {"image": Tokens(images, torch.ones(2, 1, dtype=torch.bool))}
    inputs["text"] = Tokens(text.expand(2, 1, 4), torch.ones(2, 1, dtype=torch.bool))
    torch.testing.assert_close(network.contrast(inputs), torch.tensor(0.0))


LEARNING = {"epochs": 6, "learning_rate": 5e-3, "encoder_learning_rate": 1e-3, "batch_size": 16}


def towers(small, layers="full", **train):
    learning = LEARNING | {"layers": layers} | train
    settings = {"prompts": PROMPTS}
    return small.model("two-tower", architecture="two-tower", images="raw", settings=settings, train=learning)


@pytest.mark.parametrize("layers", ["full", "frozen"])
def test_towers_learn_from_pairs_and_never_from_labels(small, layers):
    """With all labels turned round the weights are the same; new images are scored without a text."""
    config = towers(small, layers)
    test = small.train(config).query("part == 'test'").set_index("pair_id")
    if layers == "full":
        assert roc_auc_score(test["label"], test["score"]) > 0.9
    cases = pd.DataFrame({"id": test.index, "image": [str(small.save_png(int(name[1:]))) for name in test.index]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases))["score"]
    np.testing.assert_allclose(found, test["score"], atol=1e-5)
    weights = load_file(small.fold(config) / "model.safetensors")
    small.pairs["label"] = 1 - small.pairs["label"]
    small.write()
    small.train(config)
    again = load_file(small.fold(config) / "model.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in weights.items())


def test_an_image_is_explained_by_the_prompts(small):
    config = towers(small, epochs=1)
    small.train(config)
    predictor = Predictor(small.fold(config))
    predictor.load()
    (fold,) = predictor.fold_models
    assert list(fold.reads) == ["image"]
    network = explained(fold)
    assert network.modalities == ["image"]
    pixels = torch.tensor(small.images[:4]).float()
    case = Case({"image": pixels}, {"image": torch.ones(4, dtype=torch.bool)}, None, None)
    relevance = method("grad-cam").explain(network, case, torch.ones(4, dtype=torch.long))
    assert relevance["image"].isfinite().all() and (relevance["image"] != 0).any()


def test_towers_from_elsewhere_score_without_learning(small):
    entry = {"settings": {"prompts": PROMPTS}, "train": {"layers": "frozen"}}
    config = small.model("zero-shot", architecture="zero-shot", images="raw", **entry)
    test = small.train(config).query("part == 'test'").set_index("pair_id")
    assert load_file(small.fold(config) / "model.safetensors").keys() == {"model.log_scale"}
    cases = pd.DataFrame({"id": test.index, "image": [str(small.save_png(int(name[1:]))) for name in test.index]})
    found = pd.concat(Predictor(small.fold(config)).predict(cases))["score"]
    np.testing.assert_allclose(found, test["score"], atol=1e-4)


def test_settings_of_prompts_are_checked(params):
    study = params["studies"]["demo"]
    study["models"]["two-tower"] = {"images": "raw", "settings": {"prompts": PROMPTS}}
    plan = Plan(*load_study(params | {"study": "demo"}))
    config = plan.configs["two-tower"]
    assert config.paired == {"text": "findings"} and list(config.encoders) == ["image", "text"]
    assert "two-tower" not in plan.configs["late"].parts.values()
    read = {path.as_posix() for path in flat(plan.train("two-tower", "0").needed.values())}
    assert "data/features/demo/bert-tiny/findings/tokens.npy" in read
    for changes, problem in [
        ({"settings": {}}, r"settings\.prompts: found none, expected texts for normal, lung, in this order"),
        (
            {"settings": {"prompts": PROMPTS, "absent": PROMPTS}},
            r"settings\.absent: found normal, lung, expected texts for none",
        ),
        (
            {"settings": {"prompts": PROMPTS, "text": "notes"}},
            r"settings\.text: found notes, which is not among filter",
        ),
        ({"architecture": "zero-shot", "train": {"layers": "full"}}, r"train\.layers: nothing learns in zero-shot"),
    ]:
        entry = {"images": "raw", "settings": {"prompts": PROMPTS}} | changes
        with pytest.raises(UserError, match=rf"models\.two-tower\.{problem}"):
            load_study(
                params
                | {"study": "demo", "studies": {"demo": study | {"models": study["models"] | {"two-tower": entry}}}}
            )
