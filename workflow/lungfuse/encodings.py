"""The encoding of a table of others: what its bytes say of it, else the likeliest by its letters."""

import codecs
from pathlib import Path

from lungfuse.errors import UserError

ENCODINGS = [  # of tables that are not UTF-8: what Windows and Excel write in the languages of the world, and older
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "gb18030", "big5", "cp932", "cp949",
    "cp874", "mac-roman", "cp850", "cp866", "koi8-r", "euc-jp", "iso8859-2",
]  # fmt: skip
MARKS = {  # byte order marks; that of UTF-32 begins as that of UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SIGNS = {*"°µ±€“”„’–—…²³½¼·•§®©™«»\u00a0"}  # of cp1252, where they may be all that is not ASCII
LOST = "\ufffd"  # what programs write for a letter that they cannot read


def encoding_of(data: bytes) -> tuple[str, bool]:
    """The encoding of a file, and whether it is guessed: UTF-8 where the file is, but for some bytes; else the
    likeliest, by its lines that are not ASCII."""
    if marked := _marked(data):
        return marked, False
    for place, name in [(1, "utf-16-le"), (0, "utf-16-be")]:  # without a mark: where the zeros are, low byte first
        if data[place:2000:2].count(0) > len(data[place:2000:2]) / 2:
            return name, True
    if _is_mostly_utf8(data):
        return "utf-8", False
    from chardet import detect  # right on 173 of 180 short tables, where charset-normalizer is on 152

    lines = b"\n".join(dict.fromkeys(line for line in data.splitlines() if not line.isascii()))
    usual = ENCODINGS[0]
    if {sign for sign in lines.decode(usual, "replace") if not sign.isascii()} <= SIGNS:
        return usual, True
    found = detect(lines, include_encodings=ENCODINGS, no_match_encoding=usual, empty_input_encoding=usual)["encoding"]
    same = lines.decode(found, "replace") == lines.decode(usual, "replace")
    return usual if same else codecs.lookup(found).name, True


def decoded(path: Path, encoding: str) -> str:
    """The text of a file without its byte order mark.

    Raises:
        UserError: there is no such encoding, or a byte is not of it.
    """
    data = path.read_bytes()
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise UserError(f"encoding: found {encoding!r}, expected one such as utf-8, utf-16 or cp1252.") from None
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = data[:place].count(b"\n") + 1
        remedy = (
            f"Save the file as UTF-8, or say its encoding, such as {_marked(data) or 'cp1252 for a file of Windows'}."
        )
        if encoding == "utf-8" and _is_mostly_utf8(data):
            remedy = "The rest of the file is: replace what is wrong in this line."
        raise UserError(f"{path}: line {line}: byte 0x{data[place]:02x} is not {encoding}. {remedy}") from None


def doubts_of_letters(name: str, text: str, encoding: str, guessed: bool) -> list[str]:
    """What is unsure of the letters of a file, in words."""
    doubts = []
    if guessed:
        doubts.append(f"the encoding {encoding} is guessed: if letters look wrong, say another with --encoding")
    if lost := text.count(LOST):
        line = text[: text.index(LOST)].count("\n") + 1
        doubts.append(
            f"{lost:,} letters of {name} are {LOST}, the first in line {line}: they were lost when it was saved; "
            "export it again as UTF-8"
        )
    return doubts


def _marked(data: bytes) -> str | None:
    return next((name for mark, name in MARKS.items() if data.startswith(mark)), None)


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether all bytes of a file are UTF-8, or more letters than wrong bytes: of other encodings few are by chance."""
    kept = data.decode("utf-8", "ignore")
    wrong = len(data.decode("utf-8", "surrogateescape")) - len(kept)
    return not wrong or len(kept) - len(kept.encode("ascii", "ignore")) > wrong
