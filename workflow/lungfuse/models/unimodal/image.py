"""The image alone."""

from lungfuse.models.blocks import Unimodal

REQUIRED = ["image"]
FUSION = ["hidden", "dropout"]

build = Unimodal
