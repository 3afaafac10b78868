"""Encoders and a model as one trainable module for Lightning."""

import lightning
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional
from transformers import get_cosine_schedule_with_warmup

from lungfuse.encoders.network import Encoder
from lungfuse.settings.training import AugmentSettings, TrainSettings
from lungfuse.train.data import Batch

MODALITIES = ["image", "text"]
STATES = ["state_dict", "current_model_state"]  # of a checkpoint; the second beside a running mean of the weights
MASK_TOKEN = LAST_SPECIAL_TOKEN = 103  # in the vocabulary of bert-base-uncased, which all text encoders have


class Classifier(lightning.LightningModule):
    """Pixels and texts to logits, with its optimiser.

    `encoders` holds an image encoder, a text encoder or both under the names of the modalities; without them a batch
    brings the tokens of frozen ones. `class_weights` has shape (2,).
    """

    def __init__(
        self,
        encoders: dict[str, Encoder],
        model: nn.Module,
        settings: TrainSettings,
        class_weights: Tensor,
        seed: int,
    ):
        super().__init__()
        self.encoders, self.model, self.settings, self.seed = nn.ModuleDict(encoders), model, settings, seed
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.validated: list[tuple[Tensor, Tensor]] = []
        for encoder in encoders.values():
            set_trainable(encoder, settings.layers)
        self.train()  # Lightning takes the modes as they are

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, 2) of a batch, see `PairDataset` and `TokenDataset` of `lungfuse.train.data`."""
        inputs = []
        for modality in MODALITIES:
            if modality in self.encoders:
                inputs += self.encoders[modality].tokens(batch)
            elif f"{modality}_tokens" in batch:
                inputs += [batch[f"{modality}_tokens"], batch[f"{modality}_mask"]]
        return self.model(*inputs)

    def on_train_epoch_start(self) -> None:
        # Random numbers depend on the seed, the epoch and the device's rank alone: a resumed run draws the same.
        torch.manual_seed(self.seed * 1000 + self.current_epoch + self.global_rank * 10**9)
        self.trainer.train_dataloader.sampler.set_epoch(self.current_epoch)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        if "pixels" in batch:
            batch = batch | {"pixels": augment(batch["pixels"], self.settings.augment)}
        if self.settings.word_dropout and "ids" in batch:
            batch = batch | {"ids": drop_words(batch["ids"], self.settings.word_dropout)}
        loss = functional.cross_entropy(
            self(batch).float(), batch["labels"], self.class_weights, label_smoothing=self.settings.label_smoothing
        )
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(batch["labels"]))
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        self.validated.append((self(batch).float(), batch["labels"]))

    def on_validation_epoch_end(self) -> None:
        logits, labels = (torch.cat(parts) for parts in zip(*self.validated, strict=True))
        self.validated.clear()
        scores = logits.softmax(-1)[:, 1]
        self.log("validation_loss", functional.cross_entropy(logits, labels, self.class_weights))
        self.log("validation_accuracy", ((scores >= 0.5) == labels.bool()).float().mean())
        both = len(labels.unique()) == 2
        self.log("validation_auroc", roc_auc_score(labels.cpu(), scores.cpu()) if both else float("nan"))

    def predict_step(self, batch: Batch, _: int) -> Tensor:
        return self(batch).float().softmax(-1)[:, 1]

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

    def _frozen(self) -> dict[str, Tensor]:
        return {name: parameter.data for name, parameter in self.named_parameters() if not parameter.requires_grad}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, **_) -> None:
        # Lightning refuses to clip for a fused optimiser under mixed precision; without a loss scaler it is safe.
        nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.settings.clip)

    def configure_optimizers(self) -> dict:
        rates = {self.encoders: self.settings.encoder_learning_rate, self.model: self.settings.learning_rate}
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


def set_trainable(encoder: Encoder, layers: str) -> None:
    """Let the layers learn that `layers` names: frozen, top:<n> or full."""
    if layers == "full":
        return
    encoder.requires_grad_(False)
    if layers.startswith("top:"):
        for layer in encoder.layers()[-int(layers.removeprefix("top:")) :]:
            layer.requires_grad_(True)


def augment(pixels: Tensor, settings: AugmentSettings) -> Tensor:
    """Turn, move, scale and expose each image a little.

    (B, height, width), uint8 or float in [0, 255], to float of the same shape and range.
    """
    count, device = len(pixels), pixels.device

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * limit

    angle, scale = uniform(np.deg2rad(settings.rotation)), 1 + uniform(settings.scale)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    x, y = uniform(settings.shift), uniform(settings.shift)
    affine = torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(-1, 2, 3)
    images = pixels[:, None].float()
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
    # Bilinear sampling would blur what is learned from, but not what is predicted; and these networks see sharpness.
    images = functional.grid_sample(images, grid, mode="bicubic", align_corners=False)[:, 0].clamp(0, 255)
    mean = images.mean((1, 2), keepdim=True)
    contrast, brightness = (1 + uniform(settings.contrast)).view(-1, 1, 1), uniform(settings.brightness).view(-1, 1, 1)
    images = ((images - mean) * contrast + mean + brightness).clamp(0, 255)
    if not settings.gamma:
        return images
    return 255 * (images / 255) ** uniform(settings.gamma).exp().view(-1, 1, 1)


def drop_words(ids: Tensor, share: float) -> Tensor:
    """Token numbers (B, T) with a random share of the words masked; padding and marks stay."""
    dropped = (torch.rand(ids.shape, device=ids.device) < share) & (ids > LAST_SPECIAL_TOKEN)
    return ids.masked_fill(dropped, MASK_TOKEN)


def balanced_weights(labels: np.ndarray) -> Tensor:
    """Class weights of shape (2,) with which both classes count the same."""
    counts = np.bincount(labels, minlength=2)
    return torch.tensor(len(labels) / (2 * counts), dtype=torch.float32)
