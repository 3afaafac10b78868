"""Zero-shot classification of images by prompts, with two encoders that were trained together elsewhere, such as CLIP.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021,
https://arxiv.org/abs/2103.00020. Nothing is learned here but how scores become probabilities.
"""

import math

import torch
from torch import nn

from lungfuse.errors import UserError
from lungfuse.layers.prompts import Prompted

REQUIRED = ["image"]
LEARNS = ["classes"]
PAIRED = ["text"]
SETTINGS = {
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
    "scale": {"description": "of cosines", "type": "number", "exclusiveMinimum": 0, "default": 100.0},
}


def build(widths: dict[str, int], outputs: int, prompts: dict, absent: dict, scale: float) -> Prompted:
    if widths["image"] != widths["text"]:
        raise UserError(
            f"zero-shot: found an image encoder of width {widths['image']} and a text encoder of width "
            f"{widths['text']}, expected two that were trained together, such as hub:<repository>@<revision>:image and "
            "hub:<repository>@<revision>:text of a CLIP. Name them under encoders."
        )
    log_scale = nn.Parameter(torch.tensor(math.log(scale)), requires_grad=False)
    return Prompted(nn.Identity(), nn.Identity(), log_scale, prompts, absent)
