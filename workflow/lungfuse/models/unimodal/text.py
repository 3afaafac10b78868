"""The text alone."""

from lungfuse.layers.blocks import Unimodal

REQUIRED = ["text"]
FUSION = ["hidden", "dropout"]

build = Unimodal
