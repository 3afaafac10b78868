"""The texts of pairs in batches of token numbers, and how words are left out in training."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lungfuse.encoders import TOKENIZER
from lungfuse.encoders.tokens import count_tokens, tokenize
from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles
from lungfuse.settings.training import TrainSettings

MASK_TOKEN = LAST_SPECIAL_TOKEN = 103  # in the vocabulary of bert-base-uncased, which all text encoders have


@dataclass(frozen=True)
class TextSource:
    """The token numbers of each pair's text; none of a pair without text.

    A batch holds `ids` and `mask`, both (B, T), the mask true at real tokens.
    """

    texts: list[np.ndarray]
    fitted: list[dict] = field(default_factory=list)

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(text) for text in self.texts])

    def batch(self, positions: list[int]) -> dict[str, Tensor]:
        ids, mask = pad([self.texts[position] for position in positions])
        return {"ids": ids, "mask": mask}

    def reordered(self, order: np.ndarray) -> "TextSource":
        return TextSource([self.texts[position] for position in order])

    def dropped(self) -> "TextSource":
        return TextSource([np.zeros(0, np.int32)] * len(self.texts))

    def fit(self, train_indices: np.ndarray) -> "TextSource":
        return self


def read(data_files: DataFiles, choice: str) -> TextSource:
    """A section of the reports, in the order of the pairs, cut after as many tokens as settings say.

    How many texts are cut is printed.

    Raises:
        UserError: no pair has the section.
    """
    texts, encoders = data_files.pairs[choice], data_files.encoders
    if not (texts != "").any():
        raise UserError(
            f"no pair has {choice}, which a row reads. Remove the row, or fill the section in the dataset module."
        )
    tokenizer = data_files.encoder_root / encoders.text / TOKENIZER
    numbers = tokenize(texts, tokenizer, encoders.text_tokens)
    warn_of_cuts(count_tokens(texts, tokenizer), encoders.text_tokens, choice)
    return TextSource([found if text else found[:0] for text, found in zip(texts, numbers, strict=True)])


def pad(texts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Token numbers and mask, both (B, T), of texts of different lengths; T is 1 or more."""
    length = max(1, *map(len, texts))
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    mask = torch.zeros(len(texts), length, dtype=torch.bool)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = True
    return ids, mask


def warn_of_cuts(tokens: np.ndarray, max_tokens: int, section: str) -> None:
    """Print how many texts have more than `max_tokens` tokens, if any, and what they lose."""
    lost = np.clip(tokens - max_tokens, 0, None)
    if lost.any():
        print(
            f"Warning: {(lost > 0).sum():,} of {len(tokens):,} {section} are cut after {max_tokens} tokens, "
            f"which loses {lost.sum() / tokens.sum():.1%} of all tokens; encoders.max_tokens sets the limit."
        )


def augment(batch: dict[str, Tensor], settings: TrainSettings) -> dict[str, Tensor]:
    """Leave out a random share of the words."""
    return batch | {"ids": drop_words(batch["ids"], settings.word_dropout)} if settings.word_dropout else batch


def drop_words(ids: Tensor, share: float) -> Tensor:
    """Token numbers (B, T) with a random share of the words masked; padding and marks stay."""
    dropped = (torch.rand(ids.shape, device=ids.device) < share) & (ids > LAST_SPECIAL_TOKEN)
    return ids.masked_fill(dropped, MASK_TOKEN)
