"""The image alone."""

from lungfuse.layers.blocks import Unimodal

REQUIRED = ["image"]
FUSION = ["hidden", "dropout"]

build = Unimodal
