"""The texts of pairs in batches of token numbers, and how words are left out in training."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lungfuse.encoders.tokens import MASKS, SpecialTokens, count_tokens, special_tokens, tokenize
from lungfuse.errors import UserError
from lungfuse.modalities.data_files import DataFiles, Source
from lungfuse.modalities.several import together
from lungfuse.modalities.text import sources
from lungfuse.settings.training import TrainSettings


@dataclass(frozen=True)
class TextSource:
    """The token numbers of each pair's text; none of a pair without text.

    A batch holds `ids` and `mask`, both (B, T), the mask true at real tokens; and `masked`, the `ids` with the token
    for a word that is left out in place of every word, where the vocabulary has such a token.
    """

    texts: list[np.ndarray]
    special: SpecialTokens = field(default_factory=SpecialTokens)
    fitted: list[dict] = field(default_factory=list)

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(text) for text in self.texts])

    def batch(self, positions: list[int]) -> dict[str, Tensor]:
        ids, mask = pad([self.texts[position] for position in positions], self.special.padding)
        batch = {"ids": ids, "mask": mask}
        if self.special.mask is None:
            return batch
        words = ~torch.isin(ids, torch.tensor(self.special.numbers))
        return batch | {"masked": ids.masked_fill(words, self.special.mask)}

    def reordered(self, order: np.ndarray) -> "TextSource":
        return replace(self, texts=[self.texts[position] for position in order])

    def dropped(self) -> "TextSource":
        return replace(self, texts=[np.zeros(0, np.int32)] * len(self.texts))

    def fit(self, train_indices: np.ndarray) -> "TextSource":
        return self


def read(data_files: DataFiles, choice: str) -> Source:
    """A section of the reports, in the order of the pairs, cut after as many tokens as settings say; of several a
    source each.

    How many texts are cut is printed.

    Raises:
        UserError: no pair has the section.
    """
    return together(_read_one(data_files, each) for each in sources(choice))


def _read_one(data_files: DataFiles, choice: str) -> TextSource:
    texts, tokenizer, max_tokens = data_files.pairs[choice], data_files.tokenizer, data_files.max_tokens
    if not (texts != "").any():
        raise UserError(
            f"no pair has {choice}, which a model reads. Remove the model, or fill the section in the dataset."
        )
    warn_of_cuts(count_tokens(texts, tokenizer), max_tokens, choice)
    return text_source(texts, tokenizer, max_tokens)


def text_source(texts: pd.Series, tokenizer: Path, max_tokens: int) -> TextSource:
    """Texts as token numbers, at most `max_tokens` of each; an empty text has none."""
    numbers = tokenize(texts, tokenizer, max_tokens)
    found = [tokens if text else tokens[:0] for text, tokens in zip(texts, numbers, strict=True)]
    return TextSource(found, special_tokens(tokenizer))


def pad(texts: list[np.ndarray], padding: int = 0) -> tuple[Tensor, Tensor]:
    """Token numbers and mask, both (B, T), of texts of different lengths; T is 1 or more."""
    length = max(1, *map(len, texts))
    ids = torch.full((len(texts), length), padding, dtype=torch.long)
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
    """Leave out a random share of the words.

    Raises:
        UserError: the vocabulary has no token for a word that is left out.
    """
    if not settings.word_dropout:
        return batch
    if "masked" not in batch:
        raise UserError(
            f"train.word_dropout: found {settings.word_dropout}, but the tokenizer of the text encoder has none of the "
            f"tokens {', '.join(MASKS)} for a word that is left out. Say 0."
        )
    return batch | {"ids": drop_words(batch["ids"], batch["masked"], settings.word_dropout)}


def drop_words(ids: Tensor, masked: Tensor, share: float) -> Tensor:
    """Token numbers (B, T) with a random share of them from `masked`, (B, T), where padding and marks are the same."""
    return torch.where(torch.rand(ids.shape, device=ids.device) < share, masked, ids)
