"""How fast a training step of ViT-B/16 is, images a second. Run: python benchmarks/training.py

Side by side in one run, random weights, on drawn 512 px images: a plain loop as published (batch 4, fp32, decoding
inside the loop), Hugging Face's Trainer with its defaults (batch 16, decoding in its dataset), and ours (batch 16,
images decoded once, bf16 where there is hardware for it), with and without torch.compile. Rounds are interleaved, so
that a change of the machine's pace meets all of them. The rate of arithmetic is told as a share of that of one large
matrix product in the same precision.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import lightning
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import Trainer, TrainerCallback, TrainingArguments, ViTConfig, ViTForImageClassification

from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import encode_png
from lungfuse.encoders import ENCODERS
from lungfuse.encoders.network import ImageEncoder, build_network
from lungfuse.models.unimodal import Unimodal
from lungfuse.settings import AugmentSettings, TrainSettings
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import PairDataset
from lungfuse.train.engine import in_random_order, make_trainer, quiet
from lungfuse.train.precision import uses_bf16

BATCH, PUBLISHED_BATCH = 16, 4
PX = 224
SETTINGS = TrainSettings(
    start="encoder", layers="full", epochs=1, batch=BATCH, learning_rate=1e-3, encoder_learning_rate=5e-5,
    weight_decay=0.01, warmup=0.1, clip=1.0, label_smoothing=0.05, patience=1, validation=0.1,
    augment=AugmentSettings(rotation=7, shift=0.06, scale=0.08, contrast=0.15, brightness=12, gamma=0),
    word_dropout=0.0, averaging=0.0, precision="auto", devices=1,
)  # fmt: skip
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MATRIX = 2048 if DEVICE.type == "cpu" else 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="measured steps a round, after one that is not")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="also measure ours under torch.compile")
    arguments = parser.parse_args()
    quiet()
    rng = np.random.default_rng(0)
    files = [encode_png(draw_frontal(rng, 1.0, 1, 512)[0]) for _ in range(BATCH)]
    labels = np.arange(BATCH) % 2
    sides: dict[str, Callable[[int], float]] = {
        "plain loop, batch 4": lambda steps: plain_loop(files, labels, steps),
        "Hugging Face Trainer, batch 16": lambda steps: hugging_face(files, labels, steps),
        "lungfuse, batch 16": lambda steps: ours(files, labels, steps, compiled=False),
    }
    if arguments.compile:
        sides["lungfuse, batch 16, torch.compile"] = lambda steps: ours(files, labels, steps, compiled=True)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    products: list[float] = []
    for _ in range(arguments.rounds):
        for name, side in sides.items():
            rates[name].append(side(arguments.steps))
        products.append(matrix_product())
    flops = step_flops()
    first = median(rates["plain loop, batch 4"])
    rows = [
        {
            "training step": name,
            "images/s": round(median(found), 2),
            "x plain loop": round(median(found) / first, 2),
            "GFLOP/s": round(median(found) * flops / 1e9),
            "share of the matrix product": f"{median(found) * flops / median(products):.0%}",
        }
        for name, found in rates.items()
    ]
    print(pd.DataFrame(rows).to_markdown(index=False))
    kind = "bf16" if uses_bf16(SETTINGS.precision) else "fp32"
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"\nMatrix product of {MATRIX}, {kind}: {median(products) / 1e9:.0f} GFLOP/s on {where}. "
          f"A step is {flops / 1e9:.1f} GFLOP an image.")  # fmt: skip


def plain_loop(files: list[bytes], labels: np.ndarray, steps: int) -> float:
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
        loss = nn.functional.cross_entropy(logits, torch.as_tensor(labels[chosen], device=DEVICE))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(time.perf_counter() - start)
    return PUBLISHED_BATCH / median(times[1:])


def hugging_face(files: list[bytes], labels: np.ndarray, steps: int) -> float:
    """Trainer with its defaults; the dataset decodes, as tutorials have it."""

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return BATCH * (steps + 1)

        def __getitem__(self, number: int) -> dict:
            return {"pixel_values": decoded(files[number % BATCH]), "labels": int(labels[number % BATCH])}

    class Clock(TrainerCallback):
        def __init__(self):
            self.times: list[float] = []

        def on_step_end(self, *_, **__) -> None:
            self.times.append(time.perf_counter())

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=BATCH, num_train_epochs=1, save_strategy="no", report_to="none",
            disable_tqdm=True, logging_strategy="no", dataloader_pin_memory=DEVICE.type == "cuda",
        )  # fmt: skip
        clock = Clock()
        model = ViTForImageClassification(ViTConfig(num_labels=2))
        Trainer(model=model, args=arguments, train_dataset=Files(), callbacks=[clock]).train()
    return BATCH / median(np.diff(clock.times))


def ours(files: list[bytes], labels: np.ndarray, steps: int, compiled: bool) -> float:
    """The classifier of an image row with every layer learning, under the trainer of the study."""

    class Clock(lightning.Callback):
        def __init__(self):
            self.times: list[float] = []

        def on_train_batch_end(self, *_) -> None:
            if DEVICE.type == "cuda":
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())

    images = np.stack([np.asarray(Image.open(io.BytesIO(data)).resize((PX, PX))) for data in files])
    dataset = PairDataset(labels, images, np.arange(BATCH), None)
    module = classifier()
    if compiled:
        module.encoders["image"].network.compile()
    clock = Clock()
    trainer = make_trainer(SETTINGS, [clock], progress_bar=False)
    trainer.fit(module, in_random_order(dataset, np.tile(np.arange(BATCH), steps + 1), BATCH, seed=0))
    return BATCH / median(np.diff(clock.times))


def classifier() -> Classifier:
    torch.manual_seed(0)
    spec = ENCODERS["vit-base"]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text("{}")  # ViT-B/16 is what the library takes for granted
        encoder = ImageEncoder(spec, build_network(spec, config))
    return Classifier({"image": encoder}, Unimodal(spec.width, 128, 0.1), SETTINGS, torch.ones(2), seed=0)


def decoded(data: bytes) -> torch.Tensor:
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
        start = time.perf_counter()
        a @ b
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / median(times[2:])


if __name__ == "__main__":
    main()
