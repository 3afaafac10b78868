"""IRENE: bidirectional multimodal blocks, then self-attention over the joined sequence.

Zhou et al., A transformer-based representation-learning model with unified processing of multimodal input for clinical
diagnostics, Nature Biomedical Engineering 7, 2023, https://doi.org/10.1038/s41551-023-01045-x. Unlike the published
code, each stream has its own output projection, and padding is masked everywhere. What is not the image is the clinical
stream: the text, the structured columns, or one after the other.
"""

from torch import Tensor, nn

from lungfuse.layers.blocks import (
    Inputs,
    MissingModalityToken,
    Projections,
    Readings,
    SelfAttentionBlock,
    Tokens,
    concat_tokens,
    head,
)

REQUIRED, OPTIONAL, MIN_INPUTS = ["image"], "any", 2
FUSION = ["width", "heads", "blocks", "hidden", "dropout"]

BIDIRECTIONAL_BLOCKS = 2  # as published


class BidirectionalBlock(nn.Module):
    """A self-attention block a stream that also reads the other: out = Wo (own + cross) / 2.

    Own and cross attention share the queries; the cross attention takes keys and values of the other stream.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.image, self.clinical = (SelfAttentionBlock(width, heads, dropout) for _ in range(2))

    def forward(self, image: Tokens, clinical: Tokens) -> tuple[Tokens, Tokens]:
        i, c = self.image.norm_attention(image.values), self.clinical.norm_attention(clinical.values)
        of_image, of_clinical = self.image.attention, self.clinical.attention
        image_read = (of_image.read(i, i, image.mask) + of_image.read(i, c, clinical.mask, keys=of_clinical)) / 2
        clinical_read = (of_clinical.read(c, c, clinical.mask) + of_clinical.read(c, i, image.mask, keys=of_image)) / 2
        return (
            Tokens(self.image.finish(image.values, image_read), image.mask),
            Tokens(self.clinical.finish(clinical.values, clinical_read), clinical.mask),
        )


class Irene(nn.Module):
    """The tokens of the image and of what is clinical to logits (B, outputs)."""

    def __init__(
        self, widths: dict[str, int], outputs: int, width: int, heads: int, blocks: int, hidden: int, dropout: float
    ):
        super().__init__()
        self.absent, self.project = MissingModalityToken(widths), Projections(widths, width)
        self.bidirectional = nn.ModuleList(
            BidirectionalBlock(width, heads, dropout) for _ in range(BIDIRECTIONAL_BLOCKS)
        )
        self.joined = nn.ModuleList(SelfAttentionBlock(width, heads, dropout) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), head(width, outputs, hidden, dropout)

    def forward(self, inputs: Inputs) -> Tensor:
        projected = self.project(self.absent(inputs))
        image = projected.pop("image")
        clinical = concat_tokens(projected.values())
        for block in self.bidirectional:
            image, clinical = block(image, clinical)
        x, mask = concat_tokens([image, clinical])  # (B, tokens of both streams, D)
        for block in self.joined:
            x = block(x, mask)
        return self.head(Tokens(self.norm(x), mask).mean())

    def attended(self) -> Readings:
        """Each stream reads itself and the other; then all tokens read all, and there is one mean of them."""
        image, clinical = ["image"], [name for name in self.project if name != "image"]
        both = [(image, image), (image, clinical), (clinical, clinical), (clinical, image)]
        joined = image + clinical
        return [both] * len(self.bidirectional) + [[(joined, joined)]] * len(self.joined) + [[([], joined)]]


build = Irene
