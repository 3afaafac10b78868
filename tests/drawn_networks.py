"""Networks with random weights, of every task, with and without attention, and drawn cases to explain.

There are three cases; the second has a shorter text.
"""

import torch

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, TextEncoder
from lungfuse.encoders.networks import bert, efficientnet_lite, vit
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.models import load_model, model_spec
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.tasks import load_task

torch.set_num_threads(1)
TASKS = {"binary": ["normal", "lung"], "multiclass": ["none", "mild", "severe"], "multilabel": ["effusion", "nodule"]}
PX, WORDS, COLUMNS, WIDTH = 64, 7, 3, 32
CLASS, SEPARATOR, MASK, PADDING = 101, 102, 103, 0
FUSION = {"width": WIDTH, "heads": 4, "blocks": 1, "hidden": 16, "dropout": 0.1}


def image_encoder(kind: str) -> ImageEncoder:
    module, name = {"vit": (vit, "vit-tiny"), "cnn": (efficientnet_lite, "efficientnet-lite0")}[kind]
    spec = encoder_spec(name)
    return ImageEncoder(spec, module.build(module.random_shape(spec)), module)


def text_encoder() -> TextEncoder:
    spec = encoder_spec("bert-tiny")
    return TextEncoder(spec, bert.build(bert.random_shape(spec)), bert)


def network(architecture: str, modalities: list[str], images: str = "vit", task: str = "binary") -> ExplainedNetwork:
    """A network with random weights, the same each time."""
    torch.manual_seed(0)
    encoders = {
        name: image_encoder(images) if name == "image" else text_encoder()
        for name in modalities
        if name != "structured"
    }
    tokenizers = {"structured": ColumnTokens(2, [3], WIDTH)} if "structured" in modalities else {}
    widths = {name: encoders[name].spec.width if name in encoders else WIDTH for name in modalities}
    fusion = {key: value for key, value in FUSION.items() if key in model_spec(architecture).fusion}
    asked = load_task(task, TASKS[task])
    return ExplainedNetwork(
        encoders, tokenizers, load_model(architecture).build(widths, asked.outputs, **fusion), asked
    )


def drawn_case(network: ExplainedNetwork) -> Case:
    """Three drawn cases of what a network reads."""
    rng = torch.Generator().manual_seed(1)
    entries, there, special = {}, {}, None
    for name in network.modalities:
        if name == "image":
            entries[name] = torch.rand(3, PX, PX, generator=rng) * 255
            there[name] = torch.ones(3, dtype=torch.bool)
        elif name == "text":
            ids = torch.randint(1000, 2000, (3, WORDS), generator=rng)
            ids[:, 0], ids[:, -1] = CLASS, SEPARATOR
            there[name] = torch.ones(3, WORDS, dtype=torch.bool)
            ids[1, 4:], ids[1, 4], there[name][1, 5:] = PADDING, SEPARATOR, False
            entries[name], special = network.encoders["text"].embed(ids), ids < 1000
        else:
            cells = {"numbers": torch.randn(3, 2, generator=rng), "categories": torch.tensor([[0], [2], [1]])}
            entries[name], there[name] = network.tokenizers[name].tokens(cells)
    return Case(entries, there, special, torch.tensor(MASK))
