"""A trained network as one function, from what is read of cases to logits, that gradients pass through.

Shapes: B cases, T words, C columns, D width.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isqrt

import torch
from torch import Tensor, nn

from lungfuse.encoders.network import ImageEncoder
from lungfuse.layers.blocks import Inputs, Tokens
from lungfuse.modalities import in_order
from lungfuse.modalities.data_files import Source
from lungfuse.tasks import Task

AT_ONCE = 16  # changes of cases that are scored at once
Relevance = dict[str, Tensor]
"""What each part of a case adds to the logit of its target, by modality: image (B, y, x), text (B, T), structured
(B, C)."""


@dataclass(frozen=True)
class Case:
    """What a network reads of some cases, by modality: `entries`, which relevance is given to, and which are `there`.

    Entries of an image are its pixels in [0, 255], (B, y, x) or (B, y, x, 3); of a text the embeddings of its words,
    (B, T, D); of structured columns their tokens, (B, C, D). `there` is (B,) of images, (B, T) of texts, true at real
    tokens, and (B, C) of columns. `special`, (B, T), is true where a token of the text is no word, and `left_out` the
    number of the token in place of a word that is left out.
    """

    entries: dict[str, Tensor]
    there: dict[str, Tensor]
    special: Tensor | None = None
    left_out: Tensor | None = None

    def __len__(self) -> int:
        return len(next(iter(self.entries.values())))

    def at(self, entries: dict[str, Tensor]) -> "Case":
        """The same cases, once or several times one after the other, with other entries."""
        times = len(next(iter(entries.values()))) // len(self)
        return replace(self, entries=entries, there={name: repeated(self.there[name], times) for name in entries})

    def some(self, rows: list[int]) -> "Case":
        """Some of the cases."""
        entries, there = ({name: each[rows] for name, each in of.items()} for of in [self.entries, self.there])
        return replace(self, entries=entries, there=there, special=None if self.special is None else self.special[rows])


class ExplainedNetwork(nn.Module):
    """A network with the encoders that it reads through, in evaluation mode and single precision.

    `pools` names the modalities whose tokens it was given as their mean.
    """

    def __init__(
        self, encoders: dict[str, nn.Module], tokenizers: dict[str, nn.Module], model: nn.Module, task: Task,
        pools: Iterable[str] = (), by_class: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.encoders, self.tokenizers = nn.ModuleDict(encoders), nn.ModuleDict(tokenizers)
        self.model, self.task, self.pools, self.by_class = model, task, set(pools), by_class
        self.eval().float().requires_grad_(False)

    @property
    def modalities(self) -> list[str]:
        return in_order({*self.encoders, *self.tokenizers})

    def read(self, sources: dict[str, Source], positions: list[int]) -> Case:
        """Some of the cases of sources, as they come."""
        device = next(self.model.parameters()).device
        entries, there, special, left_out = {}, {}, None, None
        for name in self.modalities:
            batch = {key: each.to(device) for key, each in sources[name].batch(positions).items()}
            if name in self.tokenizers:
                entries[name], there[name] = self.tokenizers[name].tokens(batch)
            elif self.is_image(name):
                entries[name] = batch["pixels"].float()
                there[name] = batch.get("present", torch.ones(len(positions), dtype=torch.bool, device=device))
            else:
                entries[name], there[name] = self.encoders[name].embed(batch["ids"]), batch["mask"]
                numbers = torch.tensor(sources[name].special.numbers, device=device)
                special = torch.isin(batch["ids"], numbers)
                left_out = sources[name].special.mask
                left_out = torch.tensor(sources[name].special.padding if left_out is None else left_out, device=device)
        return Case(entries, there, special, left_out)

    def neutral(self, case: Case) -> dict[str, Tensor]:
        """Entries that say nothing, of the same shapes: the grey level that encoders take for zero, words that are left
        out, and the mean of numbers and categories. Marks of a text, and its padding, stay."""
        found = {}
        for name, entry in case.entries.items():
            if name in self.tokenizers:
                found[name] = self.tokenizers[name].neutral().expand_as(entry)
            elif self.is_image(name):
                found[name] = torch.full_like(entry, 255 * float(self.encoders[name].mean.mean()))
            else:
                word = case.there[name] & ~case.special
                found[name] = torch.where(word[..., None], self.encoders[name].embed(case.left_out), entry)
        return found

    def encode(self, case: Case) -> Inputs:
        """The tokens of each modality as the encoders make them."""
        found = {}
        for name, entry in case.entries.items():
            there = case.there[name]
            if name in self.tokenizers:
                found[name] = Tokens(entry, there)
            elif self.is_image(name):
                found[name] = self.encoders[name].tokens({"pixels": entry, "present": there})
            else:
                found[name] = self.encoders[name].tokens({"ids": entry, "mask": there})
        return found

    def pooled(self, encoded: Inputs) -> Inputs:
        """Encoded tokens as the model reads them: one, their mean, of each modality of `pools`."""
        return {name: _pooled(each) if name in self.pools else each for name, each in encoded.items()}

    def decide(self, encoded: Inputs) -> Tensor:
        """The logits, (B, output), of encoded tokens."""
        return self.model(self.pooled(encoded))

    def forward(self, case: Case) -> Tensor:
        """Logits, (B, output)."""
        return self.decide(self.encode(case))

    def changed(self, case: Case, encoded: Inputs, name: str, entries: Tensor) -> Tensor:
        """The logits, (K, B, output), of other entries of a modality, (K, B, ...), beside the rest as it is encoded."""
        times = len(entries)
        others = {key: Tokens(*(repeated(each, times) for each in tokens)) for key, tokens in encoded.items()}
        return self.decide(others | self.encode(case.at({name: entries.flatten(0, 1)}))).unflatten(0, (times, -1))

    def without(self, case: Case, name: str, parts: Tensor) -> Tensor:
        """Entries, (K, B, ...), of a modality that are neutral where parts, (K, y, x), (K, T) or (K, C), are true."""
        entry, parts = case.entries[name], parts[:, None]
        parts = parts if self.is_image(name) and entry.ndim == 3 else parts[..., None]
        return torch.where(parts, self.neutral(case)[name], entry)

    def parts(self, case: Case, name: str, squares: int) -> Tensor:
        """The parts of a modality, (part, ...), true within each: words, columns, or `squares`^2 of an image."""
        shape = case.entries[name].shape[1:3] if self.is_image(name) else case.entries[name].shape[1:2]
        if not self.is_image(name):
            return torch.eye(shape[0], dtype=torch.bool)
        rows, columns = (torch.arange(length) * squares // length for length in shape)
        number = rows[:, None] * squares + columns
        return torch.stack([number == each for each in range(squares * squares)])

    def by_part(self, name: str, relevance: Tensor) -> Tensor:
        """The relevance of entries summed to that of pixels, words or columns."""
        return relevance if relevance.ndim == 3 and self.is_image(name) else relevance.sum(-1)

    def by_token(self, case: Case, name: str, relevance: Tensor) -> Tensor:
        """The relevance of encoded tokens, (B, T), as that of squares of the image, words or columns.

        What is absent and the marks of a text have none.
        """
        there = case.there[name]
        if self.is_image(name):
            return on_grid(relevance) * there[:, None, None]
        return relevance * (there if name in self.tokenizers else there & ~case.special)

    def logit(self, logits: Tensor, target: Tensor) -> Tensor:
        """The logit of the class or label at `target`, (B,); of two classes its log odds."""
        if self.task.one_score:
            return torch.where(target == 1, 1.0, -1.0) * (logits[:, 1] - logits[:, 0])
        of_classes = logits if self.by_class else self.task.class_logits(logits)
        return of_classes.gather(1, target[:, None])[:, 0]

    def losses(self, case: Case, target: Tensor, name: str, parts: Tensor) -> Tensor:
        """What the logit loses without each of some parts of a modality, (part, B)."""
        encoded = self.encode(case)
        whole = self.logit(self.decide(encoded), target)
        found = [self.changed(case, encoded, name, self.without(case, name, few)) for few in parts.split(AT_ONCE)]
        logits = torch.cat(found).flatten(0, 1)
        return whole - self.logit(logits, target.repeat(len(parts))).unflatten(0, (len(parts), -1))

    def is_image(self, name: str) -> bool:
        return name in self.encoders and isinstance(self.encoders[name], ImageEncoder)


def on_grid(of_tokens: Tensor) -> Tensor:
    """What belongs to the tokens of square images, (B, T), as maps, (B, y, x), a class token before them left out."""
    side = isqrt(of_tokens.shape[1])
    return of_tokens[:, -side * side :].unflatten(1, (side, side))


def repeated(values: Tensor, times: int) -> Tensor:
    """All cases, (B, ...), one after the other as often as said, (times * B, ...)."""
    return values.repeat(times, *[1] * (values.ndim - 1))


def _pooled(tokens: Tokens) -> Tokens:
    return Tokens(tokens.mean()[:, None], tokens.mask.any(1, keepdim=True))
