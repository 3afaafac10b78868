"""Images, grey or in colour: raw, cut out by the masks of a segmenter, these masks alone, or what is outside them."""

import re

ORDER, ENCODED, COLOUR = 0, True, "#0072B2"
ARM = re.compile(r"raw|mask-only|(mask-only|segmented|background):[a-z0-9]+(-[a-z0-9]+)*")


def check(choice: object) -> str:
    if not isinstance(choice, str) or not ARM.fullmatch(choice):
        raise ValueError(
            "expected raw, segmented:<segmenter>, background:<segmenter>, mask-only:<segmenter> or mask-only"
        )
    return choice


def sources(choice: str) -> list[str]:
    return [choice]
