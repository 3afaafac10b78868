"""What words in the cells and names of tables mean, as people write them."""

import re
import unicodedata
from collections.abc import Iterable

YES = {"y", "yes", "true", "t", "1", "1.0", "pos", "positive", "present", "ja", "oui", "si", "sí", "sim", "да", "+"}
NO = {"n", "no", "false", "f", "0", "0.0", "neg", "negative", "absent", "nein", "non", "não", "нет", "-"}
UNKNOWN = {
    "?", "??", "???", "-", "--", "---", ".", "#n/a", "n/a", "na", "nan", "null", "nil", "unknown", "unk", "unknown sex",
    "not known", "not available", "not applicable", "not visible", "not reported", "not recorded", "not stated",
    "not done", "not tested", "no data", "missing", "undetermined", "unspecified", "unclear", "tbd", "todo", "to do",
    "unbekannt", "inconnu", "desconocido", "неизвестно", "<na>", "#value!",
}  # fmt: skip
UNKNOWN_AMONG_NUMBERS = {"none", "nd", "x", "*", "n.d.", "n.a.", "k.a."}
HEALTHY = {
    "normal", "healthy", "control", "controls", "benign", "negative", "clear", "none", "absent", "alive", "survived",
    "low", "nontumor", "notumor", "unaffected", "hc", "cn", "nc", "gesund", "sain",
}  # fmt: skip
HEALTHY_START = re.compile(r"(no|non|not|without|never|keine?|sans|nicht|other)[ _-]+\w.*", re.IGNORECASE)
FRONTAL = {"pa", "ap", "frontal", "ap supine", "ap erect", "ap semi erect", "ap semierect", "posteroanterior"}
LATERAL = {"l", "ll", "lat", "lateral", "left lateral", "l lateral"}
TAKEN_START = "label_"


def tokens(name: str) -> list[str]:
    """The words of a column's name, in lower case: patientId and Patient_ID are patient and id."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain(name))
    return re.findall(r"[a-z]+|[0-9]+", parted.lower())


def plain(text: str) -> str:
    """Text in the letters of ASCII, as far as they stand for those of others."""
    pairs = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "đ": "d", "ł": "l", "Ł": "L"}
    text = "".join(pairs.get(letter, letter) for letter in text)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def is_unknown(word: str) -> bool:
    """Whether a word stands for nothing in any table."""
    return word.lower().strip() in UNKNOWN


def is_healthy(word: str) -> bool:
    """Whether a word names the class that others are told from."""
    return word.lower().strip() in HEALTHY | NO or bool(HEALTHY_START.fullmatch(word.strip()))


def yes_and_no(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of some words that say yes, and those that say no."""
    words = list(words)
    return [word for word in words if word.lower() in YES], [word for word in words if word.lower() in NO]


def grouped_views(words: list[str]) -> dict[str, list[str]]:
    """What the words of a projection mean: Frontal and Lateral, and those that are neither under their own name."""
    frontal = [word for word in words if re.sub(r"[^a-z]+", " ", word.lower()).strip() in FRONTAL]
    lateral = [word for word in words if re.sub(r"[^a-z]+", " ", word.lower()).strip() in LATERAL]
    if not frontal:
        return {}
    others = {word: [word] for word in words if word not in [*frontal, *lateral] and word not in ("Frontal", "Lateral")}
    return {"Frontal": frontal} | ({"Lateral": lateral} if lateral else {}) | others


def column_name(name: str, taken: Iterable[str]) -> str:
    """A name that a section or structured column may have, like that of a column of the table and none of `taken`."""
    taken = {*taken}
    slug = re.sub(r"[^a-z0-9]+", "_", plain(name).lower()).strip("_")
    if not slug or not slug[0].isalpha() or slug.startswith(TAKEN_START) or slug in taken:
        slug = f"column_{slug}".rstrip("_")
    return _free(slug, "_", taken)


def label_name(word: str, taken: Iterable[str]) -> str:
    """A name that a class or label may have, like a word or a column of the table, and none of `taken`."""
    slug = re.sub(r"[^a-z0-9]+", "-", plain(word).lower()).strip("-") or "class"
    return _free(slug, "-", set(taken))


def _free(slug: str, joint: str, taken: set[str]) -> str:
    if slug not in taken:
        return slug
    numbered = (f"{slug}{joint}{number}" for number in range(2, len(taken) + 3))
    return next(name for name in numbered if name not in taken)
