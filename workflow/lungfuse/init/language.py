"""Whether the packaged text encoder knows the words of a table."""

from lungfuse.check.findings.language import MUCH
from lungfuse.encoders.packaged import unknown_share
from lungfuse.init.cases import Cases
from lungfuse.init.draft import Draft


def is_foreign(draft: Draft, cases: Cases, sections: list[str]) -> bool:
    """Whether the first section has many words that the encoder does not know; says so."""
    if not sections or (share := unknown_share(cases.pairs[sections[0]])) < MUCH:
        return False
    draft.unsure.append(
        f"{share:.0%} of the words of {sections[0]} are unknown to the packaged text encoder: the model "
        "tfidf_characters counts characters and is the one to look at, or name an encoder of this language under "
        "encoders.text"
    )
    return True
