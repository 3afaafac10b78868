"""An image tower and a text tower trained to match images with their texts; it predicts classes by prompts.

The study's own pairs to learn from are all that it is trained on, and their labels are not read: neither in training
nor to choose the epoch. It is trained as CLIP was (Radford et al., 2021, https://arxiv.org/abs/2103.00020), on
radiographs and reports first by Zhang et al., ConVIRT, MLHC 2022, https://arxiv.org/abs/2010.00747.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lungfuse.layers.blocks import Inputs, Tokens
from lungfuse.layers.prompts import Prompted

REQUIRED = ["image"]
PAIRED = ["text"]
FUSION = ["width", "dropout"]
SETTINGS = {
    "text": {"description": "the section that is paired with the image", "type": "string", "default": "findings"},
    "prompts": {
        "description": "what is said of each class or label: several texts, whose mean embedding counts",
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        "default": {},
    },
    "absent": {
        "description": "of labels: what is said where each is not there",
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        "default": {},
    },
}
TEMPERATURE, MOST = 0.07, 100.0  # at first, and the largest scale, as in CLIP
SAME = 0.999  # cosine of the mean tokens of texts from which on they are one text, as of many normal reports


class TwoTower(Prompted):
    """See `Prompted`; `contrast` is what it learns."""

    def contrast(self, inputs: Inputs) -> Tensor:
        """The mean of both cross-entropies, of the text of each image and of the image of each text.

        Pairs that lack one are left out. A text that several pairs have belongs to the image of each: it is enough to
        find one of them.
        """
        images, texts = inputs["image"], inputs["text"]
        whole = images.mask.any(1) & texts.mask.any(1)
        images, texts = (Tokens(each.values[whole], each.mask[whole]) for each in (images, texts))
        of_images, of_texts = self.embedded("image", images), self.embedded("text", texts)
        logits = self.log_scale.clamp(max=math.log(MOST)).exp() * of_images @ of_texts.T
        means = normalize(texts.mean().detach(), dim=-1)
        same = means @ means.T > SAME
        losses = [
            of_all.logsumexp(1) - of_all.masked_fill(~same, -torch.inf).logsumexp(1) for of_all in (logits, logits.T)
        ]
        return torch.stack(losses).sum() / (2 * max(1, len(logits)))


def build(
    widths: dict[str, int], outputs: int, width: int, dropout: float, text: str, prompts: dict, absent: dict
) -> TwoTower:
    towers = {
        name: nn.Sequential(nn.LayerNorm(own), nn.Dropout(dropout), nn.Linear(own, width, bias=False))
        for name, own in widths.items()
    }
    log_scale = nn.Parameter(torch.tensor(-math.log(TEMPERATURE)))
    return TwoTower(towers["image"], towers["text"], log_scale, prompts, absent)
