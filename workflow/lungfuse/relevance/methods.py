"""The methods of `lungfuse.explain` by what they declare."""

from dataclasses import dataclass
from functools import cache

from torch import Tensor

from lungfuse import registry
from lungfuse.relevance.network import Case, ExplainedNetwork, Relevance

METHODS = "lungfuse.explain"


@dataclass(frozen=True)
class Method:
    """What a method declares, see `lungfuse.explain`."""

    name: str
    title: str
    caption: str
    modalities: list[str]
    signed: bool
    sums: str

    def explains(self, modalities: list[str]) -> list[str]:
        """Those of some modalities whose parts it gives relevance to."""
        return [name for name in modalities if name in self.modalities]

    def explain(self, network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance:
        """The relevance of cases for the class or label at `target`, (B,); without what it cannot explain."""
        if not self.explains(network.modalities):
            return {}
        found = registry.load(METHODS, self.name).explain(network, case, target)
        return {name: each.detach().float() for name, each in found.items()}


def method_names() -> tuple[str, ...]:
    """All methods, sorted."""
    return registry.names(METHODS)


@cache
def method(name: str) -> Method:
    """A method by its name.

    Raises:
        UserError: there is none of this name.
    """
    declared = registry.declared(METHODS, name)
    return Method(name, *(declared[each] for each in ["TITLE", "CAPTION", "MODALITIES", "SIGNED", "SUMS"]))
