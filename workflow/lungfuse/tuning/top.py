"""The last layers of the encoder learn."""

from lungfuse.encoders.network import Encoder

LEARNS, NUMBER = True, True


def set_up(encoder: Encoder, number: int) -> None:
    encoder.requires_grad_(False)
    for layer in encoder.layers()[-number:]:
        layer.requires_grad_(True)
