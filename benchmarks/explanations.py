"""How long it takes to explain a case, by method, and in how much memory many. Run: python benchmarks/explanations.py

Networks with random weights of the size that studies use: kv-exchange of images of 224 px, by EfficientNet-Lite0 or
ViT-B, texts of 60 tokens, by MiniLM, and eight columns. Cases are explained eight at once, as the command `explain`
does. Memory is the most that the process has held after the first eight cases, and after all.
"""

import argparse
import resource
import time

import pandas as pd
import torch

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, TextEncoder
from lungfuse.encoders.networks import bert, efficientnet_lite, vit
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.models import load_model
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.network import Case, ExplainedNetwork
from lungfuse.tasks import load_task

PX, WORDS, NUMBERS, WIDTH, AT_ONCE = 224, 60, 8, 256, 8
MASK = 103
IMAGES = {"efficientnet-lite0": efficientnet_lite, "vit-base": vit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=104, help="over which memory is watched")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for encoder in IMAGES:
        network = fused(encoder)
        case = drawn(network)
        for each in map(method, method_names()):
            rows.append({"images by": encoder, "method": each.name, "seconds a case": seconds(network, case, each)})
    print(pd.DataFrame(rows).round(2).to_markdown(index=False))
    network, held = fused("efficientnet-lite0"), []
    for _ in range(0, arguments.cases, AT_ONCE):
        seconds(network, drawn(network), method("integrated-gradients"))
        held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"{held[0]:.0f} MB after {AT_ONCE} cases, {held[-1]:.0f} MB after {len(held) * AT_ONCE}")


def fused(encoder: str) -> ExplainedNetwork:
    """kv-exchange of an image, a text and columns."""
    torch.manual_seed(0)
    kinds = {"image": (encoder, IMAGES[encoder], ImageEncoder), "text": ("minilm", bert, TextEncoder)}
    encoders = {}
    for name, (known, module, kind) in kinds.items():
        spec = encoder_spec(known)
        encoders[name] = kind(spec, module.build(module.random_shape(spec)), module)
    widths = {name: each.spec.width for name, each in encoders.items()} | {"structured": WIDTH}
    model = load_model("kv-exchange").build(widths, 2, width=WIDTH, heads=4, blocks=2, hidden=128, dropout=0.1)
    task = load_task("binary", ["normal", "lung"])
    return ExplainedNetwork(encoders, {"structured": ColumnTokens(NUMBERS, [], WIDTH)}, model, task)


def drawn(network: ExplainedNetwork) -> Case:
    """Cases of random pixels, words and numbers."""
    ids = torch.randint(1000, 20000, (AT_ONCE, WORDS))
    cells = {"numbers": torch.randn(AT_ONCE, NUMBERS), "categories": torch.zeros(AT_ONCE, 0, dtype=torch.long)}
    columns, known = network.tokenizers["structured"].tokens(cells)
    entries = {"image": torch.rand(AT_ONCE, PX, PX) * 255, "text": network.encoders["text"].embed(ids)}
    there = {"image": torch.ones(AT_ONCE, dtype=torch.bool), "text": torch.ones_like(ids, dtype=torch.bool)}
    special = torch.zeros_like(ids, dtype=torch.bool)
    return Case(entries | {"structured": columns}, there | {"structured": known}, special, torch.tensor(MASK))


def seconds(network: ExplainedNetwork, case: Case, each: Method) -> float:
    """How long a case takes, of those that are explained at once."""
    start = time.perf_counter()
    each.explain(network, case, torch.ones(AT_ONCE, dtype=torch.long))
    return (time.perf_counter() - start) / AT_ONCE


if __name__ == "__main__":
    main()
