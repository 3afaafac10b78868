"""Texts whose words the packaged text encoder does not know, as those of most languages but English."""

from collections.abc import Iterator

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.encoders.packaged import unknown_share

MUCH = 0.4  # of the words; reports and notes in English lack .15 to .29, German, Spanish and French ones .5 and more


def findings(data: Checked) -> Iterator[Finding]:
    for section in data.read("text"):
        if section not in data.cases or (share := unknown_share(data.cases[section])) < MUCH:
            continue
        yield Finding(
            "warning",
            section,
            f"{share:.0%} of the words of {section} are unknown to the packaged text encoder, or cut into pieces.",
            "Models that read the section by it see little of what it says.",
            "Count characters: architecture tfidf, or tfidf-logistic with characters: [2, 5]. Or name an encoder of "
            "this language under encoders.text, as hub:<owner>/<name>.",
        )
