"""What a user is asked for, on a terminal, or has to say."""

import sys
from collections.abc import Sequence

from lungfuse.errors import UserError
from lungfuse.init.headings import (
    DATE,
    LABEL,
    MODALITY,
    NAME_OF_IMAGE,
    OF_DEVICE,
    OF_FILE,
    OF_PERSON,
    PATIENT,
    PERHAPS_LABEL,
    VIEW,
)
from lungfuse.init.profile import Profile
from lungfuse.init.question import MOST_CLASSES
from lungfuse.words import listed

NO_LABEL = {*PATIENT, *VIEW, *MODALITY, *DATE, *NAME_OF_IMAGE, *OF_DEVICE, *OF_FILE}
SHOWN = 12


def on_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def label_candidates(profiles: dict[str, Profile]) -> list[Profile]:
    """The columns that may be a label, the likeliest first."""
    fit = [
        found
        for found in profiles.values()
        if found.kind in ("yes/no", "category", "number") and 2 <= found.distinct <= MOST_CLASSES
        if (found.kind != "number" or found.distinct <= 10) and not found.called(*NO_LABEL)
    ]
    return sorted(fit, key=_unlikely)


def _unlikely(found: Profile) -> tuple[bool, ...]:
    return not found.called(*PERHAPS_LABEL), found.called(*OF_PERSON), found.kind != "yes/no", found.kind == "number"


def chosen_label(profiles: dict[str, Profile], ask: bool) -> tuple[str, str]:
    """The label column where none is named, and why: the only one that is called so, or the one that a user picks.

    Raises:
        UserError: the label is unclear and there is nobody to ask.
    """
    candidates = label_candidates(profiles)
    sure = [found for found in profiles.values() if found.called(*LABEL) and found.kind not in ("text", "date", "url")]
    if len(sure) == 1:
        return sure[0].name, f"The label is {sure[0].name}, by its name; --label names another column"
    if len(candidates) == 1 and not candidates[0].called(*OF_PERSON):
        return candidates[0].name, f"The label is {candidates[0].name}, for no other column looks like one"
    if not candidates:
        raise UserError(
            f"--label: no column looks like a label, which is a few words that repeat. The columns are "
            f"{', '.join(profiles)}. Say which one is with --label."
        )
    shown = [f"{found.name} ({_words(found)})" for found in candidates[:SHOWN]]
    if not ask:
        raise UserError(
            "--label: which column is to be predicted? Give --label and its name, or several. It may be "
            + ", ".join(shown)
            + "."
        )
    names = [found.name for found in candidates[:SHOWN]]
    return pick("Which column is to be predicted?", shown, names), "was picked"


def pick(question: str, shown: Sequence[str], values: Sequence[str]) -> str:
    """One of several values that a user picks by number or name."""
    print(question)
    for number, text in enumerate(shown, 1):
        print(f"{number:3}  {text}")
    while True:
        try:
            answer = input(f"Number (1 to {len(values)}): ").strip()
        except EOFError:
            raise UserError(f"{question} No answer was given. Say it as an option.") from None
        if answer.isdecimal() and 1 <= int(answer) <= len(values):
            return values[int(answer) - 1]
        if answer in values:
            return answer
        print(f"Found {answer!r}, expected a number from 1 to {len(values)}.")


def _words(found: Profile) -> str:
    return listed([f"{word} {count:,}" for word, count in found.words.items()], 4)
