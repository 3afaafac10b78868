"""The structured columns alone."""

from lungfuse.models.blocks import Unimodal

REQUIRED = ["structured"]
FUSION = ["hidden", "dropout"]

build = Unimodal
