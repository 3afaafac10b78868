"""How long it takes to explain a case, by method, and in how much memory many.

Run: python benchmarks/explanations.py --csv docs/results/benchmarks/explanations.csv

Networks with random weights of the size that studies use: kv-exchange of images of 224 px, by EfficientNet-Lite0 or
ViT-B, texts of 60 tokens, by MiniLM, and eight columns. Two cases are timed; for memory, cases are explained eight at
once, as the command `explain` does. Where the machine has other work, seconds are too many; processor seconds, of all
threads together, are less so. Memory is the most that the process has held after the first eight cases, half of them,
and all, each explained by one method and drawn.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import ImageEncoder, TextEncoder
from lungfuse.encoders.networks import bert, efficientnet_lite, vit
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.models import load_model
from lungfuse.processor import keep_freed_memory
from lungfuse.relevance.draw import draw
from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.methods import Method, method, method_names
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance
from lungfuse.report.style import save
from lungfuse.tasks import load_task

PX, WORDS, NUMBERS, WIDTH, AT_ONCE, TIMED = 224, 60, 8, 256, 8, 2
MASK = 103
WATCHED = "efficientnet-lite0", "lrp"  # by which memory is watched
IMAGES = {"efficientnet-lite0": efficientnet_lite, "vit-base": vit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=104, help="over which memory is watched")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    watched, rows = memory(arguments.cases), []
    for encoder in IMAGES:
        network = fused(encoder)
        case = drawn(network, TIMED)
        for each in map(method, method_names()):
            took = seconds(network, case, each)
            rows.append({"images by": encoder, "method": each.name} | took | watched.get((encoder, each.name), {}))
            table = pd.DataFrame(rows).round(2).convert_dtypes()
            if arguments.csv:
                table.to_csv(arguments.csv, index=False, lineterminator="\n")
    print(table.to_markdown(index=False))


def memory(cases: int) -> dict[tuple[str, str], dict[str, int]]:
    """The most memory, in MB, after the first cases and after all, of the one network and method that is watched."""
    (encoder, name), held = WATCHED, []
    network = fused(encoder)
    for _ in range(0, cases, AT_ONCE):
        case = drawn(network, AT_ONCE)
        found = method(name).explain(network, case, torch.ones(AT_ONCE, dtype=torch.long))
        for number in range(AT_ONCE):
            save(draw([shown(case, found, number)], "", {}), Path(tempfile.gettempdir()) / "explanation.svg")
        held.append(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    middle = len(held) // 2
    after = {0: held[0], middle: held[middle], len(held) - 1: held[-1]}
    return {WATCHED: {f"MB after {AT_ONCE * (number + 1)}": each for number, each in after.items()}}


def shown(case: Case, found: Relevance, number: int) -> Explained:
    """A case as it is drawn."""
    image, words, columns = ({WATCHED[1]: found[each][number].numpy()} for each in ["image", "text", "structured"])
    pixels = case.entries["image"][number].numpy().astype("uint8")
    names = {f"column {each}": "1" for each in range(NUMBERS)}
    return Explained("a case", pixels, ["word"] * WORDS, names, dict.fromkeys(found, 1.0), image, words, columns)


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


def drawn(network: ExplainedNetwork, count: int) -> Case:
    """Cases of random pixels, words and numbers."""
    ids = torch.randint(1000, 20000, (count, WORDS))
    cells = {"numbers": torch.randn(count, NUMBERS), "categories": torch.zeros(count, 0, dtype=torch.long)}
    columns, known = network.tokenizers["structured"].tokens(cells)
    entries = {"image": torch.rand(count, PX, PX) * 255, "text": network.encoders["text"].embed(ids)}
    there = {"image": torch.ones(count, dtype=torch.bool), "text": torch.ones_like(ids, dtype=torch.bool)}
    special = torch.zeros_like(ids, dtype=torch.bool)
    return Case(entries | {"structured": columns}, there | {"structured": known}, special, torch.tensor(MASK))


def seconds(network: ExplainedNetwork, case: Case, each: Method) -> dict[str, float]:
    """How long a case takes, of those that are explained at once."""
    start, used = time.perf_counter(), time.process_time()
    each.explain(network, case, torch.ones(len(case), dtype=torch.long))
    took = {"seconds a case": time.perf_counter() - start, "processor seconds a case": time.process_time() - used}
    return {name: value / len(case) for name, value in took.items()}


if __name__ == "__main__":
    main()
