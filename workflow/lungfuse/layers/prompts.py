"""Classes by what is said of them: an image is of the class whose prompts lie nearest to it."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lungfuse.layers.blocks import Inputs, Tokens


class Prompted(nn.Module):
    """The tokens of images to logits (B, outputs), by how near they are to prompts.

    `image` and `text` make embeddings of mean tokens: (B, width) -> (B, D). `prompts` holds the texts of each class or,
    with `absent`, of each label that is there, and `absent` of each that is not: a logit is then their difference.
    `texts` are all of them; `read_prompts` is given their tokens before images are scored. Cosines are multiplied by
    exp(`log_scale`).
    """

    def __init__(
        self,
        image: nn.Module,
        text: nn.Module,
        log_scale: nn.Parameter,
        prompts: Mapping[str, Sequence[str]],
        absent: Mapping[str, Sequence[str]],
    ):
        super().__init__()
        self.image, self.text, self.log_scale = image, text, log_scale
        said = [*prompts.values(), *absent.values()]
        self.counts, self.differ = [len(each) for each in said], bool(absent)
        self.texts = [text for each in said for text in each]
        self.prompts: Tokens | None = None

    def read_prompts(self, tokens: Tokens) -> None:
        """Take the tokens of `texts`, (text, T, width of the text encoder)."""
        self.prompts = Tokens(*(each.detach() for each in tokens))

    def embedded(self, name: str, tokens: Tokens) -> Tensor:
        """The embeddings of an image or a text, (B, D), each of length 1."""
        return normalize(getattr(self, name)(tokens.mean()), dim=-1)

    def forward(self, inputs: Inputs) -> Tensor:
        images = self.embedded("image", inputs["image"])
        of_prompts = self.embedded("text", Tokens(*(each.to(images.device) for each in self.prompts)))
        classes = torch.stack([each.mean(0) for each in of_prompts.split(self.counts)])
        logits = self.log_scale.exp() * images @ normalize(classes, dim=-1).T
        present, absent = logits.chunk(2, dim=1) if self.differ else (logits, 0.0)
        return present - absent
