"""Drawn cases whose evidence is known, and a fused network of images, texts and columns that has learned it.

A red square, the word FOR and a high first column speak for class 1; a blue square and the word AGAINST speak against
it, and louder. All else says nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from drawn_networks import CLASS, MASK, PADDING, PX, SEPARATOR, network
from torch import Tensor

from lungfuse.relevance.given import Given
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

FOR, AGAINST, OTHER = 1500, 1600, (1700, 1720)
SIDE, CORNERS = 8, [(8, 40), (40, 8), (0, 24), (24, 0), (48, 16), (16, 48)]  # squares of a patch, off the diagonal
WORDS = 12  # with marks and padding
RED, BLUE, WORD_FOR, WORD_AGAINST, COLUMN = 1.5, -2.5, 1.5, -2.5, 1.0
STEPS, BATCH, RATE = 80, 24, 3e-3
LOUDER = 10.0  # words beside their places, so that their embeddings need not be learned


@dataclass(frozen=True)
class Drawn:
    """Cases as they are read, the logit of class 1, (B,), and masks of what speaks for it."""

    pixels: Tensor
    ids: Tensor
    numbers: Tensor
    categories: Tensor
    logit: Tensor
    masks: dict[str, Tensor]

    def case(self, network: ExplainedNetwork) -> Case:
        words, special = self.ids != PADDING, (self.ids < 1000)
        columns, known = network.tokenizers["structured"].tokens(
            {"numbers": self.numbers, "categories": self.categories}
        )
        entries = {"image": self.pixels, "text": network.encoders["text"].embed(self.ids), "structured": columns}
        there = {"image": torch.ones(len(self.ids), dtype=torch.bool), "text": words, "structured": known}
        return Case(entries, there, special, torch.tensor(MASK))


def draw(count: int, seed: int, all_there: bool = False) -> Drawn:
    """Cases with any of the evidence, or with `all_there` of it."""
    rng = np.random.default_rng(seed)
    red, blue, says, denies = (rng.random((4, count)) < 0.5) | all_there
    pixels, image = rng.normal(127, 5, (count, PX, PX, 3)), np.zeros((count, PX, PX), bool)
    ids, text = np.zeros((count, WORDS), int), np.zeros((count, WORDS), bool)
    for n in range(count):
        corners = [CORNERS[place] for place in rng.permutation(len(CORNERS))]
        for channel, shown, (y, x) in zip([0, 2], [red[n], blue[n]], corners, strict=False):
            square = np.s_[n, y : y + SIDE, x : x + SIDE]
            if shown:
                pixels[square][..., channel] += 100
                image[square] = channel == 0
        length = rng.integers(WORDS - 4, WORDS)
        ids[n, :length] = rng.integers(*OTHER, length)
        ids[n, 0], ids[n, length - 1] = CLASS, SEPARATOR
        at = rng.permutation(np.arange(1, length - 1))
        for word, shown, place in zip([FOR, AGAINST], [says[n], denies[n]], at, strict=False):
            ids[n, place] = word if shown else ids[n, place]
        text[n] = ids[n] == FOR
    numbers = rng.choice([-1.0, 1.0], (count, 2))
    numbers[:, 0] = np.where(all_there, 1, numbers[:, 0])
    logit = RED * red + BLUE * blue + WORD_FOR * says + WORD_AGAINST * denies + COLUMN * numbers[:, 0]
    columns = np.broadcast_to([True, False, False], (count, 3))
    masks = {"image": image, "text": text, "structured": columns}
    return Drawn(
        torch.tensor(pixels).float().clamp(0, 255), torch.tensor(ids), torch.tensor(numbers).float(),
        torch.tensor(rng.integers(3, size=(count, 1))), torch.tensor(logit).float(),
        {name: torch.tensor(mask) for name, mask in masks.items()},
    )  # fmt: skip


def learned(seed: int = 0) -> ExplainedNetwork:
    """A network that has learned the logits of drawn cases."""
    found = network("early", ["image", "text", "structured"])
    torch.manual_seed(seed)
    found.encoders["text"].network.embeddings.word_embeddings.weight *= LOUDER
    learning = [each.requires_grad_() for each in found.parameters() if each.numel() < 100_000]  # all but the words
    optimizer = torch.optim.AdamW(learning, RATE)
    for step in range(STEPS):
        drawn = draw(BATCH, 10_000 * seed + step)
        halves = torch.stack([-drawn.logit, drawn.logit], dim=1)
        loss = (found(drawn.case(found)) - halves).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return found.eval().requires_grad_(False)


def given(drawn: Drawn, network: ExplainedNetwork, relevance: Relevance, target: int = 1, **others) -> Given:
    """Relevance for drawn cases, each of a patient of its own, as measures are given it."""
    count = len(drawn.ids)
    return Given(
        drawn.case(network), relevance, np.arange(count), np.arange(count), drawn.masks, network,
        torch.full((count,), target), **others,
    )  # fmt: skip
