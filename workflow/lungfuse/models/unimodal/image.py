"""The image alone."""

from lungfuse.models.blocks import Unimodal

NEEDS = ["image"]
FUSION = ["hidden", "dropout"]

build = Unimodal
