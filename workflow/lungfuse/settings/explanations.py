"""Which models are explained, and what their explanations are compared with."""

from typing import Annotated

from pydantic import Field

from lungfuse.settings.base import Name, Settings


class KnownEvidence(Settings):
    """Raw files of the dataset that say where the evidence for a label is known to lie: the `table` `KnownEvidence`,
    and an archive of PNG `masks` by image id."""

    table: str
    masks: str


class ExplanationSettings(Settings):
    """The explanations of trained models: networks, probes and late fusions.

    Of each model that is `explained` the report shows a few cases, and `cases` test pairs are drawn to measure what
    explanations are worth. `inside` names the segmenter in whose masks the evidence of an image lies, null none; where
    it is known better, `evidence` says so, and as many more pairs are drawn whose evidence is known.
    """

    cases: Annotated[int, Field(ge=1)]
    inside: Name | None
    evidence: KnownEvidence | None
