"""How fast a training step is. Run: python benchmarks/training.py --csv docs/results/benchmarks/training.csv

Side by side in one run, in interleaved rounds, so that a change of the machine's pace meets all sides. Weights are
random, which costs the same as trained ones.

1. ViT-B/16, every layer learning, on drawn 512 px images: a plain loop as published (batch 4, fp32, decoding inside the
   loop), Hugging Face's Trainer with its defaults and with its own bf16 and our batch (decoding in its dataset), and
   ours (images decoded once, bf16 where there is hardware for it), with and without torch.compile. The rate of
   arithmetic is given as a share of that of one large matrix product in the same precision. On a GPU, if available.
2. On one processor core, what people run without a GPU: EfficientNet-Lite0 and MiniLM with every layer learning, and
   the fused models on frozen tokens. Beside each the same network in a plain loop: fp32, random batches put together
   pair by pair, PyTorch's attention, dropout and convolutions, Adam.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from unittest import mock

import lightning
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    ViTConfig,
    ViTForImageClassification,
)

from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import encode_png
from lungfuse.encoders import encoder_spec, modality_of
from lungfuse.encoders.network import build_encoder
from lungfuse.encoders.networks.efficientnet_lite import ConvBNAct
from lungfuse.layers.blocks import Dropout, Unimodal
from lungfuse.modalities import load_inputs
from lungfuse.modalities.image.inputs import ImageSource
from lungfuse.modalities.text.inputs import TextSource
from lungfuse.models import load_model, model_spec
from lungfuse.settings.training import AugmentSettings, FusionSettings, TrainSettings
from lungfuse.tasks import load_task
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import LABELS, Features, PairDataset, TensorBatch
from lungfuse.train.engine import in_random_order, make_trainer, quiet
from lungfuse.train.precision import uses_bf16

BATCH, PUBLISHED_BATCH, HUGGING_FACE_BATCH = 16, 4, 8
PX = 224
PLAIN = "plain loop"
SETTINGS = TrainSettings(
    init_from="encoder", layers="full", epochs=1, batch_size=BATCH, learning_rate=1e-3, encoder_learning_rate=5e-5,
    weight_decay=0.01, warmup=0.1, gradient_clip=1.0, label_smoothing=0.05, patience=1, modality_dropout=0.0,
    augment=AugmentSettings(rotation=7, shift=0.06, scale=0.08, contrast=0.15, brightness=12, gamma=0),
    word_dropout=0.0, ema_decay=0.0, precision="auto", devices=1,
)  # fmt: skip
TASK = load_task("binary", ["normal", "lung"])
FUSION = FusionSettings(width=256, heads=4, blocks=2, hidden=128, dropout=0.1)
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MATRIX = 2048 if DEVICE.type == "cpu" else 8192
MEDIAN_TOKENS, SPREAD = 54, 0.4  # of texts, log-normal, as the findings of OpenI are
PAIRS = 256  # of the second table, two buckets of texts of like length
MINILM = (
    '{"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536, '
    '"vocab_size": 30522}'
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="measured steps a round of ViT-B/16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="also measure ours under torch.compile")
    parser.add_argument("--table", type=int, choices=[1, 2], help="measure one table alone")
    parser.add_argument("--csv", type=Path, help="write both tables here")
    arguments = parser.parse_args()
    quiet()
    tables = []
    if arguments.table != 2:
        tables.append(whole_transformer(arguments.steps, arguments.rounds, arguments.compile))
    if arguments.table != 1 and DEVICE.type == "cpu":
        tables.append(without_gpu(arguments.rounds))
    for table in tables:
        print(table.to_markdown(index=False), "\n")
    if arguments.csv:
        arguments.csv.parent.mkdir(parents=True, exist_ok=True)
        pd.concat(tables).to_csv(arguments.csv, index=False, lineterminator="\n")


def interleaved(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each side gives in each round."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    return found


def whole_transformer(steps: int, rounds: int, compiled: bool) -> pd.DataFrame:
    """The first table."""
    rng = np.random.default_rng(0)
    files = [encode_png(draw_frontal(rng, 1.0, 1, 512)[0]) for _ in range(BATCH)]
    labels = np.arange(BATCH) % 2
    half = uses_bf16(SETTINGS.precision)
    first, product = f"plain loop as published, batch {PUBLISHED_BATCH}", "matrix product"
    sides = {
        first: partial(published_loop, files, labels, steps),
        f"Hugging Face Trainer, its defaults, batch {HUGGING_FACE_BATCH}": partial(
            hugging_face, files, labels, steps, HUGGING_FACE_BATCH, half=False
        ),
        f"Hugging Face Trainer, {'its bf16' if half else 'fp32'}, batch {BATCH}": partial(
            hugging_face, files, labels, steps, BATCH, half
        ),
        f"lungfuse, batch {BATCH}": partial(ours_of_images, files, labels, steps),
        product: matrix_product,
    }
    if compiled:
        sides[f"lungfuse, batch {BATCH}, torch.compile"] = partial(ours_of_images, files, labels, steps, compiled=True)
    rates = interleaved(sides, rounds)
    peak, flops = median(rates.pop(product)), step_flops()
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else f"{torch.get_num_threads()} threads"
    kind = "bf16" if half else "fp32"
    print(
        f"Matrix product of {MATRIX}, {kind}: {peak / 1e9:.0f} GFLOP/s on {where}; {flops / 1e9:.1f} GFLOP an image.\n"
    )
    return pd.DataFrame(
        {
            "training": "ViT-B/16",
            "side": name,
            "pairs/s": round(median(found), 2),
            "x plain": round(median(found) / median(rates[first]), 2),
            "share of the matrix product": round(median(found) * flops / peak, 2),
        }
        for name, found in rates.items()
    )


def published_loop(files: list[bytes], labels: np.ndarray, steps: int) -> float:
    """As published: every image decoded and resized in the loop, Adam, fp32."""
    torch.manual_seed(0)
    model = ViTForImageClassification(ViTConfig(num_labels=2)).to(DEVICE).train()
    optimizer = torch.optim.Adam(model.parameters(), 5e-5)
    times = []
    for step in range(steps + 1):
        start = time.perf_counter()
        chosen = [(step * PUBLISHED_BATCH + place) % len(files) for place in range(PUBLISHED_BATCH)]
        pixels = torch.stack([decoded(files[number]) for number in chosen]).to(DEVICE)
        logits = model(pixel_values=pixels).logits
        loss = functional.cross_entropy(logits, torch.as_tensor(labels[chosen], device=DEVICE))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.perf_counter() - start)
    return PUBLISHED_BATCH / median(times[1:])


def hugging_face(files: list[bytes], labels: np.ndarray, steps: int, batch: int, half: bool) -> float:
    """Trainer; the dataset decodes, as tutorials have it."""

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return batch * (steps + 1)

        def __getitem__(self, number: int) -> dict:
            return {"pixel_values": decoded(files[number % BATCH]), "labels": int(labels[number % BATCH])}

    class Clock(TrainerCallback):
        def __init__(self):
            self.times: list[float] = []

        def on_step_end(self, *_, **__) -> None:
            self.times.append(now())

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=batch, num_train_epochs=1, bf16=half, save_strategy="no",
            report_to="none", disable_tqdm=True, logging_strategy="no", dataloader_pin_memory=DEVICE.type == "cuda",
            use_cpu=DEVICE.type == "cpu",
        )  # fmt: skip
        clock = Clock()
        model = ViTForImageClassification(ViTConfig(num_labels=2))
        trainer = Trainer(model=model, args=arguments, train_dataset=Files(), callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return batch / median(np.diff(clock.times))


def ours_of_images(files: list[bytes], labels: np.ndarray, steps: int, compiled: bool = False) -> float:
    images = np.stack([np.asarray(Image.open(io.BytesIO(data)).resize((PX, PX))) for data in files])
    dataset = PairDataset(labels[:, None], {"image": ImageSource(images, np.arange(BATCH))})
    module = fine_tuned("vit-base")
    if compiled:
        module.encoders["image"].network.compile()
    return BATCH / median(ours(module, dataset, np.tile(np.arange(BATCH), steps + 1)))


def ours(module: Classifier, dataset: PairDataset, positions: np.ndarray) -> list[float]:
    """Seconds of each step but the first under the trainer of the study."""

    class Clock(lightning.Callback):
        def __init__(self):
            self.times: list[float] = []

        def on_train_batch_end(self, *_) -> None:
            self.times.append(now())

    clock = Clock()
    make_trainer(SETTINGS, [clock], progress_bar=False).fit(module, in_random_order(dataset, positions, BATCH, seed=0))
    return np.diff(clock.times).tolist()


def fine_tuned(name: str) -> Classifier:
    """The classifier of an image or a text row with every layer learning."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(MINILM if name == "minilm" else "{}")  # ViT-B/16 is what the library takes for granted
        encoder = build_encoder(name, config)
    modality = modality_of(name)
    model = Unimodal({modality: encoder.spec.width}, TASK.outputs, FUSION.hidden, FUSION.dropout)
    return Classifier({modality: encoder}, {}, model, TASK, SETTINGS, torch.ones(2), seed=0)


def on_frozen_tokens(name: str) -> Classifier:
    """The classifier of a fused row that reads tokens of EfficientNet-Lite0 and MiniLM."""
    torch.manual_seed(0)
    widths = {"image": encoder_spec("efficientnet-lite0").width, "text": encoder_spec("minilm").width}
    fusion = {key: getattr(FUSION, key) for key in model_spec(name).fusion}
    model = load_model(name).build(widths, TASK.outputs, **fusion, **model_spec(name).completed({}))
    return Classifier({}, {}, model, TASK, SETTINGS, torch.ones(2), seed=0)


def without_gpu(rounds: int) -> pd.DataFrame:
    """The second table."""
    torch.set_num_threads(1)
    rows = []
    for name, (make, dataset, pairs) in trainings().items():
        sides = {
            PLAIN: lambda make=make, dataset=dataset, pairs=pairs: plain_loop(make, dataset, pairs),
            "lungfuse": lambda make=make, dataset=dataset, pairs=pairs: rate(make(), dataset, pairs),
        }
        rates = {side: median(found) for side, found in interleaved(sides, rounds).items()}
        rows += [
            {"training": name, "side": side, "pairs/s": round(each, 1), "x plain": round(each / rates[PLAIN], 2)}
            for side, each in rates.items()
        ]
    return pd.DataFrame(rows)


def rate(module: Classifier, dataset: PairDataset, pairs: int) -> float:
    """Pairs a second under the trainer of the study, without its first batch."""
    return (pairs - BATCH) / sum(ours(module, dataset, np.arange(pairs)))


def trainings() -> dict[str, tuple[Callable[[], Classifier], PairDataset, int]]:
    """What people train without a GPU: a network, its data, and how many pairs are enough to measure it."""
    rng = np.random.default_rng(0)
    labels = np.arange(PAIRS)[:, None] % 2
    lengths = rng.lognormal(np.log(MEDIAN_TOKENS), SPREAD, PAIRS).astype(int).clip(5, 128)
    pixels = rng.integers(0, 256, (PAIRS, PX, PX), np.uint8)
    images = PairDataset(labels, {"image": ImageSource(pixels, np.arange(PAIRS))})
    texts = PairDataset(labels, {"text": TextSource([rng.integers(1000, 30000, count) for count in lengths])})
    tokens = PairDataset(
        labels,
        {
            "image": features(rng, np.full(PAIRS, (PX // 32) ** 2), encoder_spec("efficientnet-lite0").width),
            "text": features(rng, lengths, encoder_spec("minilm").width),
        },
    )
    return {
        "EfficientNet-Lite0, 224 px": (partial(fine_tuned, "efficientnet-lite0"), images, 64),
        "MiniLM": (partial(fine_tuned, "minilm"), texts, PAIRS),
    } | {
        f"{name} on frozen tokens": (partial(on_frozen_tokens, name), tokens, PAIRS)
        for name in ["kv-exchange", "joint", "irene", "early"]
    }


def features(rng: np.random.Generator, counts: np.ndarray, width: int) -> Features:
    tokens = rng.standard_normal((counts.sum(), width), np.float32).astype(np.float16)
    return Features(tokens, np.cumsum([0, *counts[:-1]]), counts, counts)


def plain_loop(make: Callable[[], Classifier], dataset: PairDataset, pairs: int) -> float:
    """Pairs a second of the same network in a plain loop, without its first batch."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch("lungfuse.layers.blocks.attend", plain_attend))
        stack.enter_context(mock.patch("lungfuse.encoders.networks.transformer.attend", plain_attend))
        stack.enter_context(mock.patch.object(ConvBNAct, "forward", plain_unit))
        stack.enter_context(mock.patch.object(Dropout, "forward", nn.Dropout.forward))
        module = make().train()
        optimizer = torch.optim.Adam(module.parameters(), 5e-5)
        order = torch.randperm(pairs).tolist()
        for start in range(0, pairs, BATCH):
            if start == BATCH:
                begin = time.perf_counter()
            batch = collated([dataset[[position]] for position in order[start : start + BATCH]])
            batch |= {name: load_inputs(name).augment(batch[name], SETTINGS) for name in module.encoders}
            loss = TASK.loss(module(batch), batch[LABELS], torch.ones(2), 0.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (pairs - BATCH) / (time.perf_counter() - begin)


def collated(pairs: list[TensorBatch]) -> TensorBatch:
    """Pairs of one each, put together and padded to the longest."""
    return {
        name: collated([pair[name] for pair in pairs])
        if isinstance(part, dict)
        else nn.utils.rnn.pad_sequence([pair[name][0] for pair in pairs], batch_first=True)
        for name, part in pairs[0].items()
    }


def plain_attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, dropout: nn.Dropout) -> tuple[Tensor, None]:
    share = dropout.p if dropout.training else 0.0
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=share), None


def plain_unit(unit: ConvBNAct, x: Tensor) -> Tensor:
    """Padding, convolution, batch normalisation with its pretrained statistics, ReLU6."""
    convolution, norm = unit
    pads = []
    for size in reversed(x.shape[2:]):
        stride, kernel = convolution.stride[0], convolution.kernel_size[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    y = norm.eval()(convolution(functional.pad(x, pads)))
    return functional.relu6(y) if unit.activate else y


def decoded(data: bytes) -> Tensor:
    """(3, height, width) in [-1, 1]."""
    image = Image.open(io.BytesIO(data)).convert("RGB").resize((PX, PX))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def step_flops() -> float:
    """Floating-point operations of forward and backward pass an image, as PyTorch counts them."""
    model = ViTForImageClassification(ViTConfig(num_labels=2))
    with FlopCounterMode(display=False) as counter:
        model(pixel_values=torch.zeros(1, 3, PX, PX)).logits.sum().backward()
    return counter.get_total_flops()


def matrix_product() -> float:
    """Operations a second of a square matrix product in the precision of our step."""
    kind = torch.bfloat16 if uses_bf16(SETTINGS.precision) else torch.float32
    a, b = (torch.randn(MATRIX, MATRIX, device=DEVICE).to(kind) for _ in range(2))
    times = []
    for _ in range(8):
        start = now()
        a @ b
        times.append(now() - start)
    return 2 * MATRIX**3 / median(times[2:])


def now() -> float:
    """Seconds, when all that was asked of the device is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
