"""The structured columns alone."""

from lungfuse.models.blocks import Unimodal

NEEDS = ["structured"]
FUSION = ["hidden", "dropout"]

build = Unimodal
