"""The whole encoder learns."""

from lungfuse.encoders.network import Encoder

LEARNS, NUMBER = True, False


def set_up(encoder: Encoder, number: None) -> None:
    """Every weight learns, as it comes."""
