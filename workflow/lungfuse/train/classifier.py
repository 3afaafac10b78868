"""Encoders and a model as one trainable module for Lightning."""

from collections.abc import Callable
from pathlib import Path

import lightning
import torch
from torch import Tensor, nn
from transformers import get_cosine_schedule_with_warmup

from lungfuse.encoders.network import Encoder, load_into, load_weights
from lungfuse.layers.blocks import Inputs, Tokens
from lungfuse.modalities import in_order, load_inputs
from lungfuse.modalities.data_files import OfModality
from lungfuse.settings.training import TrainSettings
from lungfuse.tasks import Task
from lungfuse.train.data import LABELS, PART_SCORES, TensorBatch
from lungfuse.tuning import tuning

LOGGED = {"accuracy", "auroc", "balanced_accuracy", "quadratic_kappa", "concordance", "r2", "mae"}  # epoch by epoch
STATES = ["state_dict", "current_model_state"]  # of a checkpoint; the second beside a running mean of the weights


class Classifier(lightning.LightningModule):
    """What is read of pairs to logits, with its optimiser.

    `encoders` holds those of the modalities that are encoded here; of others a batch brings the tokens of frozen ones,
    or `tokenizers` make tokens that are learned with the model, or mark those of several inputs. `class_weights` is
    that of `Task.weights`, or ones. `loss` is that of the architecture, if it has its own: see `lungfuse.models`.
    """

    def __init__(
        self,
        encoders: dict[str, Encoder],
        tokenizers: dict[str, nn.Module],
        model: nn.Module,
        task: Task,
        settings: TrainSettings,
        class_weights: Tensor,
        seed: int,
        loss: Callable[..., Tensor] | None = None,
    ):
        super().__init__()
        self.own_loss = loss
        self.encoders, self.tokenizers = nn.ModuleDict(encoders), nn.ModuleDict(tokenizers)
        self.model, self.task, self.settings, self.seed = model, task, settings, seed
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.validated: list[tuple[Tensor, Tensor, dict[str, Tensor]]] = []  # logits, labels, scores of parts
        self.contrasts, self.contrasted = hasattr(model, "contrast"), []
        for encoder in encoders.values():
            tuning(settings.layers).set_up(encoder)
        self.train()  # Lightning takes the modes as they are

    def forward(self, batch: TensorBatch) -> Tensor:
        """Logits (B, output) of a batch, see `lungfuse.train.data.PairDataset`."""
        inputs = self._inputs(batch)
        if self.training and self.settings.modality_dropout and len(inputs) > 1:
            inputs = modality_dropout(inputs, self.settings.modality_dropout)
        return self.model(inputs)

    def _inputs(self, batch: TensorBatch) -> Inputs:
        return {name: self._tokens(name, batch[name]) for name in in_order(set(batch) - {LABELS, PART_SCORES})}

    def _tokens(self, name: str, batch: OfModality) -> Tokens:
        if isinstance(batch, list):
            return self.tokenizers[name]([self._tokens(name, each) for each in batch])
        if name in self.encoders:
            return Tokens(*self.encoders[name].tokens(batch))
        if "tokens" in batch:
            return Tokens(batch["tokens"], batch["mask"])
        return self.tokenizers[name].tokens(batch)

    def on_train_epoch_start(self) -> None:
        # Random numbers depend on the seed, the epoch and the device's rank alone: a resumed run draws the same.
        torch.manual_seed(self.seed * 1000 + self.current_epoch + self.global_rank * 10**9)
        self.trainer.train_dataloader.sampler.set_epoch(self.current_epoch)

    def training_step(self, batch: TensorBatch, _: int) -> Tensor:
        changed = {name: self._augmented(name, batch[name]) for name in self.encoders}
        if self.contrasts:
            loss = self.model.contrast(self._inputs(batch | changed))
        else:
            logits, scores = self(batch | changed).float(), batch.get(PART_SCORES, {})
            loss = self._loss(logits, batch[LABELS], scores, self.settings.label_smoothing)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(batch[LABELS]))
        return loss

    def _augmented(self, name: str, batch: OfModality) -> OfModality:
        if isinstance(batch, list):
            return [self._augmented(name, each) for each in batch]
        return load_inputs(name).augment(batch, self.settings)

    def _loss(self, logits: Tensor, targets: Tensor, scores: dict[str, Tensor], smoothing: float) -> Tensor:
        if self.own_loss is None:
            return self.task.loss(logits, targets, self.class_weights, smoothing)
        return self.own_loss(logits, targets, self.task, self.class_weights, smoothing, scores)

    def validation_step(self, batch: TensorBatch, _: int) -> None:
        self.validated.append((self(batch).float(), batch[LABELS], batch.get(PART_SCORES, {})))
        if self.contrasts:
            self.contrasted.append(self.model.contrast(self._inputs(batch)))

    def on_validation_epoch_end(self) -> None:
        logits, labels = (torch.cat([each[place] for each in self.validated]) for place in range(2))
        of_parts = {role: torch.cat([each[2][role] for each in self.validated]) for role in self.validated[0][2]}
        self.validated.clear()
        scores, targets = (values.double().cpu().numpy() for values in [self.task.scores(logits), labels])
        loss = torch.stack(self.contrasted).mean() if self.contrasts else self._loss(logits, labels, of_parts, 0.0)
        self.contrasted.clear()
        self.log("validation_loss", loss)
        for metric, value in self.task.validated(targets, scores).items():
            if metric in LOGGED:
                self.log(f"validation_{metric}", value)

    def on_validation_epoch_start(self) -> None:
        self.read_prompts()

    def on_predict_epoch_start(self) -> None:
        self.read_prompts()

    def read_prompts(self) -> None:
        """Let a model that scores by prompts read them by its text encoder, where that learns here."""
        if hasattr(self.model, "read_prompts") and "text" in self.encoders:
            prompts = {name: each.to(self.device) for name, each in self.model.numbers.items()}
            with torch.no_grad():
                self.model.read_prompts(self.encoders["text"].tokens(prompts))

    def predict_step(self, batch: TensorBatch, _: int) -> Tensor:
        return self.task.scores(self(batch).float())

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        frozen = self._frozen()
        for state in STATES:
            if state in checkpoint:
                checkpoint[state] = {name: value for name, value in checkpoint[state].items() if name not in frozen}

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        frozen = self._frozen()  # these are as the encoders' files have them
        for state in STATES:
            if state in checkpoint:
                checkpoint[state] = frozen | checkpoint[state]

    def learned(self) -> dict[str, Tensor]:
        """All weights, but of encoders that weights were added to these alone."""
        without = self.as_they_came()
        return {name: value for name, value in self.state_dict().items() if name not in without}

    def as_they_came(self) -> set[str]:
        """The names of the weights of encoders that others were added to, which are as their files have them."""
        if not tuning(self.settings.layers).adds:
            return set()
        return {f"encoders.{name}" for name, each in self.encoders.named_parameters() if not each.requires_grad}

    def load_learned(self, path: Path) -> None:
        """Take the weights of the file `path`, which hold what `learned` gives.

        Raises:
            UserError: they are missing, damaged or of another network.
        """
        load_into(self, load_weights(path), path, tuple(self.as_they_came()))

    def merge(self) -> None:
        """Make encoders that weights were added to plain ones again, to predict."""
        if tuning(self.settings.layers).adds:
            for encoder in self.encoders.values():
                tuning(self.settings.layers).merge(encoder)

    def _frozen(self) -> dict[str, Tensor]:
        return {name: parameter.data for name, parameter in self.named_parameters() if not parameter.requires_grad}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, **_) -> None:
        # Lightning refuses to clip for a fused optimiser under mixed precision; without a loss scaler it is safe.
        nn.utils.clip_grad_norm_(
            [p for group in optimizer.param_groups for p in group["params"]], self.settings.gradient_clip
        )

    def configure_optimizers(self) -> dict:
        rates = {self.encoders: self.settings.encoder_learning_rate}
        rates |= dict.fromkeys([self.tokenizers, self.model], self.settings.learning_rate)
        groups = []
        for part, rate in rates.items():
            learned = [parameter for parameter in part.parameters() if parameter.requires_grad]
            # norms, biases and single vectors are not decayed
            for decay, chosen in [
                (self.settings.weight_decay, [p for p in learned if p.ndim > 1]),
                (0.0, [p for p in learned if p.ndim < 2]),
            ]:
                if chosen:
                    groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
        optimizer = torch.optim.AdamW(groups, fused=True)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = get_cosine_schedule_with_warmup(optimizer, int(self.settings.warmup * steps), steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def modality_dropout(inputs: Inputs, share: float) -> Inputs:
    """Inputs with each modality of a case masked by chance, but never the last one that it has."""
    present = torch.stack([tokens.mask.any(1) for tokens in inputs.values()], dim=1)  # (B, modality)
    drawn = torch.rand(present.shape, device=present.device)
    kept = present & (drawn >= share)
    least = torch.where(present, drawn, -1.0)
    kept |= present & (least == least.amax(1, keepdim=True)) & ~kept.any(1, keepdim=True)
    return {
        name: Tokens(tokens.values, tokens.mask & keep[:, None])
        for (name, tokens), keep in zip(inputs.items(), kept.T, strict=True)
    }
