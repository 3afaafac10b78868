"""The structured columns alone."""

from lungfuse.layers.blocks import Unimodal

REQUIRED = ["structured"]
FUSION = ["hidden", "dropout"]

build = Unimodal
