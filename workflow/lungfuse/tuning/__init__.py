"""Ways to train an encoder, by the name that stands before the colon in `train.layers`. One file each, with

- LEARNS: whether the encoder learns; where it does not, its tokens are computed once for all models that read them;
- NUMBER: whether a number follows, as in `top:2`;
- `set_up(encoder, number)`: choose what learns, before the weights of a trained model are loaded;
- ATTENTION, where it needs a network with attention: True;
- `merge(encoder, number)`, where `set_up` adds weights to the encoder, which alone learn: make it a plain one again, to
  predict, and for models that start from it. Only what was added is kept of such an encoder.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lungfuse import registry
from lungfuse.errors import UserError

if TYPE_CHECKING:
    from lungfuse.encoders.network import Encoder


@dataclass(frozen=True)
class Tuning:
    """A way to train an encoder, and the number that it takes."""

    name: str
    number: int | None = None

    @property
    def learns(self) -> bool:
        """Whether the encoder learns."""
        return registry.declared(__name__, self.name)["LEARNS"]

    @property
    def module(self) -> str:
        """The name of its module."""
        return registry.module_of(__name__, self.name)

    def set_up(self, encoder: "Encoder") -> None:
        """Choose what learns."""
        registry.load(__name__, self.name).set_up(encoder, self.number)

    @property
    def needs_attention(self) -> bool:
        """Whether it needs a network with attention."""
        return registry.declared(__name__, self.name).get("ATTENTION", False)

    @property
    def adds(self) -> bool:
        """Whether `set_up` adds weights to the encoder, which alone learn and are kept."""
        return "merge" in registry.functions(__name__, self.name)

    def merge(self, encoder: "Encoder") -> None:
        """Make a trained encoder a plain one again."""
        registry.load(__name__, self.name).merge(encoder, self.number)


def tuning_names() -> list[str]:
    """The names of the ways to train an encoder, as `train.layers` takes them."""
    found = registry.names(__name__)
    return [f"{name}:<number>" if registry.declared(__name__, name)["NUMBER"] else name for name in found]


def tuning(layers: str) -> Tuning:
    """The way to train that `layers` names.

    Raises:
        UserError: there is none of that name, or the number is missing or not asked for.
    """
    name, _, number = layers.partition(":")
    known = name in registry.names(__name__)
    takes = known and registry.declared(__name__, name)["NUMBER"]
    if not known or (re.fullmatch(r"[1-9]\d*", number) is None if takes else ":" in layers):
        raise UserError(f"layers: found {layers!r}, expected one of {', '.join(tuning_names())}.")
    return Tuning(name, int(number) if takes else None)
