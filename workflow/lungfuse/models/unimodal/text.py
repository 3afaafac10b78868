"""The text alone."""

from lungfuse.models.blocks import Unimodal

NEEDS = ["text"]
FUSION = ["hidden", "dropout"]

build = Unimodal
