"""Training with Lightning: resumed where it was killed, best weights kept, every epoch on record."""

import io
import logging
import os
import pickle
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors.torch import save
from torch.utils.data import DataLoader

from lungfuse.errors import UserError
from lungfuse.files import atomic_write
from lungfuse.processor import keep_freed_memory
from lungfuse.settings.training import TrainSettings
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import Batches, PairDataset, in_order
from lungfuse.train.precision import uses_bf16

LAST, BEST = "last", "best"
FINGERPRINT = "training.json"
MONITOR = "validation_loss"


class History(Callback):
    """One record an epoch; kept in the checkpoints, so that a resumed training has them all."""

    def __init__(self):
        self.records: list[dict[str, float]] = []
        self.start = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self.start = time.perf_counter()

    def on_validation_end(self, trainer: lightning.Trainer, module: Classifier) -> None:
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        record = {"epoch": trainer.current_epoch, **scores, "seconds": time.perf_counter() - self.start}
        self.records.append(record)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self.records[-1]["train_loss"] = float(trainer.callback_metrics["train_loss"])
        if trainer.is_global_zero:
            print(", ".join(f"{name} {value:.4g}" for name, value in self.records[-1].items()), flush=True)

    def state_dict(self) -> dict:
        return {"records": self.records}

    def load_state_dict(self, state: dict) -> None:
        self.records = state["records"]


class StayStopped(Callback):
    """A training that was killed after it had stopped early does not go on when it is resumed."""

    def on_train_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        stopping = trainer.early_stopping_callback
        trainer.should_stop = stopping.wait_count >= stopping.patience


def averaging(decay: float) -> WeightAveraging:
    """Keep a running mean of the weights beside them, over few steps at first; it is what is validated and kept."""

    def update(mean: list[torch.Tensor], weights: list[torch.Tensor], count: int | torch.Tensor) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        if mean[0].is_floating_point():
            torch._foreach_lerp_(mean, weights, share)
        else:
            torch._foreach_copy_(mean, weights)

    return WeightAveraging(multi_avg_fn=update)


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all: Lightning's own are copied where /tmp is another file system."""

    def save_checkpoint(self, checkpoint: dict, path: str | Path, storage_options: None = None) -> None:
        content = io.BytesIO()  # PyTorch hides why a file cannot be written
        torch.save(checkpoint, content)
        with atomic_write(Path(path), "wb") as stream:
            stream.write(content.getbuffer())


def fit(
    module: Classifier,
    dataset: PairDataset,
    train_indices: np.ndarray,
    val_indices: np.ndarray,
    folder: Path,
    seed: int,
    fingerprint: str,
    more: Sequence[Callback] = (),
) -> pd.DataFrame:
    """Train `module` and leave it with its best weights; returns a record an epoch.

    Checkpoints are kept in `folder`, where a killed training of the same `fingerprint` (all that decides its outcome)
    is found again; those of another, and damaged ones, are removed. `remove_checkpoints` removes them in the end. With
    several devices Lightning starts this command once more for each; only the first returns. `more` are called too.
    """
    settings = module.settings
    if not any(parameter.requires_grad for parameter in module.parameters()):
        return validated(module, dataset, val_indices)
    _keep_own_checkpoints(folder, fingerprint)
    history = History()
    every_epoch = {"enable_version_counter": False, "save_on_train_epoch_end": True}
    best = ModelCheckpoint(folder, filename=BEST, monitor=MONITOR, **every_epoch)
    last = ModelCheckpoint(folder, filename=LAST, **every_epoch)
    stop = EarlyStopping(MONITOR, patience=settings.patience)
    averages = [averaging(settings.ema_decay)] if settings.ema_decay else []
    callbacks = [*averages, stop, StayStopped(), history, *more, best, last]
    trainer = make_trainer(settings, callbacks, sys.stderr.isatty(), settings.devices)
    checkpoint = folder / f"{LAST}.ckpt"
    trainer.fit(
        module,
        in_random_order(dataset, train_indices, settings.batch_size, seed),
        _in_order(dataset, val_indices, settings.batch_size),
        ckpt_path=checkpoint if checkpoint.exists() else None,
        weights_only=True,
    )
    if not trainer.is_global_zero:
        sys.exit()  # this process has helped the first one, which goes on alone
    best = torch.load(folder / f"{BEST}.ckpt", weights_only=True, map_location=module.device)
    module.on_load_checkpoint(best)
    module.load_state_dict(best["state_dict"])
    return pd.DataFrame(history.records).set_index("epoch")


def validated(module: Classifier, dataset: PairDataset, val_indices: np.ndarray) -> pd.DataFrame:
    """The record of a module in which nothing learns: one epoch, without a loss of training."""
    start, trainer = time.perf_counter(), make_trainer(module.settings, [], progress_bar=False)
    trainer.validate(module, _in_order(dataset, val_indices, module.settings.batch_size), verbose=False)
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    found |= {"seconds": time.perf_counter() - start, "train_loss": float("nan")}
    return pd.DataFrame([{"epoch": 0, **found}]).set_index("epoch")


def seed_and_limit_threads(devices: int, threads: int, seed: int) -> None:
    """Share the processor threads among the devices, and seed what is random from here on.

    Raises:
        UserError: there are fewer devices.
    """
    quiet()
    check_devices(devices)
    torch.set_num_threads(max(1, threads // devices))
    keep_freed_memory()
    lightning.seed_everything(seed, verbose=False)


def write_trained(module: Classifier, record: pd.DataFrame, weights: Path, history: Path) -> None:
    """Write what a module has learned as safetensors, and its record as CSV."""
    with atomic_write(history) as stream:
        record.to_csv(stream, lineterminator="\n")
    with atomic_write(weights, "wb") as stream:
        stream.write(save({key: value.contiguous() for key, value in module.learned().items()}))


def check_devices(devices: int) -> None:
    """See that there are as many GPUs as the settings ask for; without any, processes take their place.

    Raises:
        UserError: there are fewer.
    """
    found = torch.cuda.device_count()
    if 0 < found < devices:
        raise UserError(
            f"train: devices: {devices} GPUs asked for, found {found} (CUDA_VISIBLE_DEVICES="
            f"{os.environ.get('CUDA_VISIBLE_DEVICES', '')}). Ask for fewer in params.yaml, or for more of the machine."
        )


def make_trainer(
    settings: TrainSettings, callbacks: list[Callback], progress_bar: bool, devices: int = 1
) -> lightning.Trainer:
    """Lightning's trainer on the GPUs where there are any, in the precision of the settings."""
    return lightning.Trainer(
        accelerator="auto",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp_find_unused_parameters_true",
        # Under Slurm Lightning would wait for tasks of its own; a job of the workflow is one task.
        plugins=[LightningEnvironment(), WholeCheckpoints()],
        precision="bf16-mixed" if uses_bf16(settings.precision) else "32-true",
        max_epochs=settings.epochs,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=progress_bar,
        use_distributed_sampler=False,
    )


def in_random_order(dataset: PairDataset, positions: np.ndarray, batch: int, seed: int) -> DataLoader:
    """Batches to learn from."""
    batches = Batches(positions, dataset.lengths(), batch, seed)
    # With a generator of its own the loader leaves the random numbers of the epoch alone.
    return DataLoader(dataset, sampler=batches, batch_size=None, generator=torch.Generator())


def predict(module: Classifier, dataset: PairDataset, positions: np.ndarray) -> np.ndarray:
    """Scores in [0, 1] of the pairs at `positions`, (pair, score column).

    They are computed in fp32: in bf16 they would depend on which texts share a batch, and so on its padding.
    """
    settings = module.settings.model_copy(update={"precision": "fp32"})
    trainer = make_trainer(settings, [], progress_bar=False)
    batches = _in_order(dataset, positions, module.settings.batch_size)
    return torch.cat(trainer.predict(module, batches)).double().numpy()


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a training."""
    for path in [*_checkpoints(folder), *folder.glob(".*.ckpt.*.partial"), folder / FINGERPRINT]:
        path.unlink(missing_ok=True)


def _checkpoints(folder: Path) -> list[Path]:
    return [folder / f"{name}.ckpt" for name in [LAST, BEST]]


def _keep_own_checkpoints(folder: Path, fingerprint: str) -> None:
    record, kept = folder / FINGERPRINT, [path for path in _checkpoints(folder) if path.exists()]
    damaged = [path for path in kept if not _is_whole(path)]
    for path in damaged:
        print(f"{path}: is damaged, so the training starts anew.", file=sys.stderr)
    if damaged or not record.exists() or record.read_text(encoding="utf-8") != fingerprint:
        remove_checkpoints(folder)
        with atomic_write(record) as stream:
            stream.write(fingerprint)


def _is_whole(checkpoint: Path) -> bool:
    try:
        torch.load(checkpoint, map_location="meta", weights_only=True, mmap=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return False
    return True


def quiet() -> None:
    """Keep Lightning's tips and notes out of the log; errors stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def _in_order(dataset: PairDataset, positions: np.ndarray, batch: int) -> DataLoader:
    return DataLoader(dataset, sampler=in_order(positions, 2 * batch), batch_size=None, generator=torch.Generator())
