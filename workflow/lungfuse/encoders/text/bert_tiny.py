"""A small BERT with random weights, for the demo and for tests."""

from types import ModuleType

from lungfuse.encoders import Random, TextSpec

SPEC = TextSpec(
    source=Random(seed=0),
    width=64,
    layers=3,
    max_tokens=64,
    positions=64,
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import bert

    return bert
