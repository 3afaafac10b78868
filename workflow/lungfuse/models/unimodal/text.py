"""The text alone."""

from lungfuse.models.blocks import Unimodal

REQUIRED = ["text"]
FUSION = ["hidden", "dropout"]

build = Unimodal
