"""What words in the cells and headings of tables mean, as people write them in the languages of the world."""

import re
import unicodedata
from collections.abc import Iterable

YES = {
    "y", "yes", "true", "t", "1", "1.0", "pos", "positive", "present", "ja", "oui", "si", "sí", "sim", "да", "+", "(+)",
    "tak", "evet", "ναι", "是", "有", "阳性", "陽性", "はい", "예", "양성", "так", "ano", "igen", "kyllä", "positif",
    "positivo", "positiv", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "prawda", "doğru", "истина", "真",
    "có", "ya", "da", "نعم", "بله", "áno", "jah", "taip", "jā", "var", "כן", "हाँ", "हां", "ใช่",
}  # fmt: skip
NO = {
    "n", "no", "false", "f", "0", "0.0", "neg", "negative", "absent", "nein", "non", "não", "nao", "нет", "-", "(-)",
    "nie", "hayır", "όχι", "否", "无", "無", "阴性", "陰性", "いいえ", "아니오", "음성", "ні", "ne", "nem", "ei", "nej",
    "nee", "négatif", "negativo", "negativ", "falsch", "faux", "falso", "onwaar", "fałsz", "yanlış", "ложь", "假",
    "không", "tidak", "не", "nu", "لا", "خیر", "nē", "nei", "yok", "לא", "नहीं", "ไม่", "ไม่ใช่",
}  # fmt: skip
UNKNOWN = {
    "?", "??", "???", "-", "--", "---", ".", "..", "#n/a", "n/a", "na", "nan", "null", "unknown", "unk",
    "unknown sex", "not known", "not available", "not applicable", "not visible", "not reported", "not recorded",
    "not stated", "not done", "not tested", "no data", "missing", "undetermined", "unspecified", "unclear", "tbd",
    "todo", "to do", "unbekannt", "inconnu", "desconocido", "desconhecido", "sconosciuto", "onbekend", "nieznane",
    "неизвестно", "нет данных", "不详", "未知", "不明", "미상", "bilinmiyor", "<na>", "#value!", "#ref!", "#div/0!",
    "n/d", "s/d", "k.a.", "n. d.",
}  # fmt: skip
UNKNOWN_AMONG_NUMBERS = {"none", "nil", "o.b.", "nd", "x", "*", "n.d.", "n.a.", "k.a.", "/", "\\", "—", "–"}
HEALTHY = {
    "normal", "healthy", "control", "controls", "benign", "negative", "clear", "none", "absent", "alive", "survived",
    "low", "nontumor", "notumor", "unaffected", "hc", "cn", "nc", "gesund", "unauffällig", "sain", "sano", "sana",
    "sano/a", "saudável", "normale", "normalny", "zdrowy", "норма", "здоров", "здоровый", "здорова", "正常", "健康",
    "정상", "υγιής", "φυσιολογικό", "sağlıklı", "fit", "gezond", "frisk", "terve", "nil", "o.b.", "o. b.", "o.b",
}  # fmt: skip
HEALTHY_START = re.compile(
    r"(no|non|not|without|never|keine?|ohne|sans|pas de|nicht|other|sin|sem|senza|без|нет|geen|ingen|brak)[ _-]+\w.*",
    re.IGNORECASE,
)
FRONTAL = {"pa", "ap", "frontal", "front", "ap supine", "ap erect", "ap semi erect", "ap semierect", "posteroanterior",
           "anteroposterior", "pa erect", "frontale", "正位", "прямая", "p a", "a p", "face", "de face", "d face",
           "postero anterior",
           "antero posterior", "正面", "後前", "前後", "正面像"}  # fmt: skip
LATERAL = {
    "l", "ll", "rl", "lat", "lateral", "left lateral", "right lateral", "l lateral", "侧位", "側面", "боковая", "l l",
    "seitlich", "seite", "lateralis", "laterale", "profil", "de profil", "profil gauche", "profil droit", "perfil",
    "profile", "lateral left", "lateral right", "lat left", "lat right", "left lat", "right lat", "latero lateral",
    "latero laterale", "laterolateral", "laterolaterale", "側面像",
}  # fmt: skip
POSTURES = {
    "supine", "erect", "semi", "semierect", "upright", "sitting", "standing", "portable", "bedside", "im", "liegend",
    "liegen", "stehend", "stehen", "sitzend", "sitzen", "debout", "couché", "couchée", "assis", "лежа", "лёжа", "стоя",
}  # fmt: skip
SIGNS = {"+": "plus", "-": "minus", "±": "plus-minus", "<": "less", ">": "more", "≤": "at-most", "≥": "at-least"}
TAKEN_START = "label_"
SCALE = [  # from the least to the most
    {
        "none",
        "nil",
        "ob",
        "no",
        "absent",
        "normal",
        "healthy",
        "negative",
        "keine",
        "kein",
        "ninguno",
        "aucun",
        "nessuno",
        "нет",
        "无",
    },
    {"minimal", "trace", "questionable", "doubtful", "very mild", "minimo"},
    {"mild", "slight", "light", "low", "leicht", "gering", "leve", "leger", "lieve", "легкая", "轻度"},
    {"moderate", "medium", "intermediate", "mittel", "massig", "moderado", "modere", "moderato", "средняя", "中度"},
    {"severe", "marked", "high", "strong", "schwer", "hoch", "grave", "severo", "тяжелая", "重度"},
    {"very severe", "critical", "extreme", "kritisch", "critico"},
]
CODE_OF_GRADES = re.compile(r"[+±]{1,5}|\(\+{1,4}\)|\d ?\+|\+ ?\d|\+/-|-/\+")
UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"  # scripts without spaces between words
MARKS_OF_NOTHING = {"-", "--", "(-)", "."}


def tokens(name: str) -> list[str]:
    """The words of a column's name, in lower case: patientId and Patient_ID are patient and id."""
    parted = re.sub(r"([a-zß-ÿ0-9])([A-Z])", r"\1 \2", plain(name))
    return re.findall(r"[^\W\d_]+|[0-9]+", parted.casefold())


def is_called(name: str, words: Iterable[str]) -> bool:
    """Whether one of some words is in a column's name, or stands within it where words are written without spaces."""
    own, sought = {*tokens(name), "".join(tokens(name))}, {plain(word).casefold() for word in words}
    inner = plain(name).casefold()  # with the vowel signs that part the words of Thai and Hindi
    return bool(sought & own) or any(not word.isascii() and word in inner for word in sought)


def plain(text: str) -> str:
    """Text with the letters of ASCII for accented Latin ones; other scripts stay."""
    if text.isascii():
        return text
    pairs = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "đ": "d", "ł": "l", "Ł": "L", "ı": "i"}
    return "".join(_plain_letter(pairs.get(letter, letter)) for letter in unicodedata.normalize("NFC", text))


def _plain_letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)
    bare = "".join(each for each in base if not unicodedata.combining(each))
    return bare if bare.isascii() else unicodedata.normalize("NFKC", letter)


def is_unknown(word: str) -> bool:
    """Whether a word means "missing" in any table."""
    return word.casefold().strip() in UNKNOWN


def unknown_among(words: Iterable[str]) -> list[str]:
    """Those of a column's words that mean a missing value; - beside + and ++ is a grade."""
    words = list(words)
    others = [word for word in words if word not in MARKS_OF_NOTHING]
    graded = any(map(CODE_OF_GRADES.fullmatch, others)) or (not others and {"+", "-"} <= {*words})
    spared = MARKS_OF_NOTHING if graded else set()
    return [word for word in words if is_unknown(word) and word not in spared]


def is_healthy(word: str) -> bool:
    """Whether a word names the reference class."""
    return word.casefold().strip() in HEALTHY | NO or bool(HEALTHY_START.fullmatch(word.strip()))


def yes_and_no(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of some words that say yes, and those that say no; of 1 and -1, -1 says no."""
    words = list(words)
    yes = [word for word in words if word.casefold() in YES]
    no = [word for word in words if word.casefold() in NO]
    if yes and not no and {as_number(word) for word in words} == {1.0, -1.0}:
        no = [word for word in words if word not in yes]
    return yes, no


def as_number(word: str) -> float | None:
    """The number that a word is, or None."""
    try:
        return float(word) if re.fullmatch(r"[+-]?[\d.]+([eE][+-]?\d+)?", word.strip()) else None
    except ValueError:
        return None


def grades(words: Iterable[str]) -> bool:
    """Whether words are three or more whole numbers, such as 0 to 4 or 0.0 to 3.0."""
    numbers = [as_number(word) for word in words]
    return len({*numbers}) > 2 and all(number is not None and number == int(number) for number in numbers)


def is_weak(word: str, words: Iterable[str]) -> bool:
    """Whether a word is a plus between brackets and stands beside the same one without, as laboratories write."""
    return bool(re.fullmatch(r"\([+]+\)", word)) and word[1:-1] in words


def rank_of(word: str) -> int | None:
    """The rank of a word of a scale, such as mild, or None."""
    return next((rank for rank, words in enumerate(SCALE) if _bare(word) in words), None)


def is_frontal(word: str) -> bool:
    return _projection(word) in FRONTAL


def is_lateral(word: str) -> bool:
    return _projection(word) in LATERAL


def _projection(word: str) -> str:
    """A word of a view without what it says of how the patient lies or stands."""
    parts = _bare(word).split()
    return " ".join([part for part in parts if part not in POSTURES] or parts)


def _bare(word: str) -> str:
    """A word without its signs and digits; p.a. is pa."""
    shortened = re.sub(r"(?<=\b[^\W\d_])\.", "", word.casefold())
    return re.sub(r"[\W\d_]+", " ", shortened).strip()


def grouped_views(words: list[str]) -> dict[str, list[str]]:
    """What the words of a projection mean: Frontal and Lateral, and those that are neither under their own name."""
    frontal = [word for word in words if is_frontal(word)]
    lateral = [word for word in words if is_lateral(word)]
    if not frontal:
        return {}
    others = {word: [word] for word in words if word not in [*frontal, *lateral] and word not in ("Frontal", "Lateral")}
    return {"Frontal": frontal} | ({"Lateral": lateral} if lateral else {}) | others


def column_name(name: str, taken: Iterable[str]) -> str:
    """A name that a section or structured column may have, like that of a column of the table and none of `taken`."""
    taken = {*taken}
    slug = re.sub(r"[\W_]+", "_", "".join(filter(_is_no_mark, plain(name).casefold()))).strip("_")
    if not slug or not slug[0].isalpha() or slug.startswith(TAKEN_START) or slug in taken:
        slug = f"column_{slug}".rstrip("_")
    return _free(slug, "_", taken)


def label_name(word: str, taken: Iterable[str]) -> str:
    """A name that a class or label may have, like a word or a column of the table, and none of `taken`.

    Letters of all scripts stay, and signs become words: HER2+ is her2-plus, -1 is minus-1, >=50% is
    at-least-50-percent.
    """
    spelled = plain(word).casefold().strip().replace(">=", "≥").replace("<=", "≤").replace("+/-", "±")
    spelled = spelled.replace("(-)", "-").replace("(+)", "+").replace("%", " percent ")
    spelled = re.sub(r"(?<!\w)-(?=\d)|(?<=\w)-+(?!\w)(?=\W*$)|^-+$", lambda found: " minus " * len(found[0]), spelled)
    spelled = re.sub(r"[+±≤≥]|[<>](?=\s*\d)", lambda found: f" {SIGNS[found[0]]} ", spelled)
    return _free(_slug(spelled, "-") or "class", "-", set(taken))


def checked_label(name: str) -> str:
    """A name of a class or label: small letters of any script and digits, with single - between; ValueError if not."""
    if name != name.lower() or not all(part and all(map(is_letter, part)) for part in name.split("-")):
        raise ValueError(f"found {name!r}, expected small letters and digits with single - between, such as no-finding")
    return name


def _is_no_mark(character: str) -> bool:
    return not unicodedata.category(character).startswith("M")


def _slug(text: str, joint: str) -> str:
    """Letters with their marks, and digits; all else between them is one `joint`."""
    return re.sub(rf"{joint}+", joint, "".join(each if is_letter(each) else joint for each in text)).strip(joint)


def is_letter(character: str) -> bool:
    """Whether a character is a letter, a digit or a mark on a letter, such as a vowel sign."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _free(slug: str, joint: str, taken: set[str]) -> str:
    if slug not in taken:
        return slug
    numbered = (f"{slug}{joint}{number}" for number in range(2, len(taken) + 3))
    return next(name for name in numbered if name not in taken)
