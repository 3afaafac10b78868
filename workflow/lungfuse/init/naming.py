"""What a new study is called, and what the names of columns say."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lungfuse.errors import UserError
from lungfuse.plan.names import RAW
from lungfuse.settings.params import STUDY_NAME
from lungfuse.vocabulary import plain

GENERIC = {"cases", "metadata", "data", "table", "labels", "train", "index", "dataset", "meta", "sheet1", "export"}

SAME_WORD = 5  # letters
SMALL_WORDS = {"", "a", "at", "by", "for", "has", "id", "in", "is", "no", "of", "on", "s", "the", "to", "was", "with",
               "age", "sex", "gende", "left", "right", "relat", "type", "date", "time", "patie", "level"}  # fmt: skip


def study_name(given: str | None, table: Path, studies: dict[str, Any], replace: bool) -> str:
    """The name that is given, or one after the table or its folder: study-2023 for 2023.csv.

    Raises:
        UserError: it is no name of a study, or one has it.
    """
    name = given if given is not None else _after(table)
    if _is_value(name):
        if given is not None:
            raise UserError(
                f"--name: found {name!r}, which YAML and the command line of Snakemake read as a number or another "
                f"value, not as a name. Say --name study-{name}."
            )
        name = f"study-{name}"
    if not re.fullmatch(STUDY_NAME, name):
        raise UserError(
            f"--name: found {name!r}, expected lower-case letters and digits with single - or _ between them, for "
            "folders are called by it. Say --name."
        )
    if name in studies and not replace:
        raise UserError(
            f"--name: params.yaml has a study {name} already. Say another --name, or --replace to replace it."
        )
    return name


def raw_of(name: str, table: Path) -> Path:
    """The raw folder of a study: the one that the table is in, where that is one of raw folders, else a new one."""
    absolute = table.absolute()
    if absolute.is_relative_to(RAW.absolute()):
        folder, *below = absolute.relative_to(RAW.absolute()).parts
        if below and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", folder):
            return RAW / folder
    return RAW / name.replace("_", "-")


def named_like(name: str, labels: Iterable[str]) -> str:
    """The first of the labels' columns that shares a word with a column, or its first five letters; else nothing.

    went_icu and in_icu, or intubated and intubation_present, are so.
    """
    own = _words(name)
    return next((label for label in labels if own & _words(label)), "")


def _is_value(name: str) -> bool:
    """Whether YAML, or `snakemake --config study=...`, reads a name as a number, a truth value or nothing."""
    try:
        float(name)  # also of 2023_01 and nan
    except ValueError:
        return yaml.safe_load(name or "null") != name
    return True


def _words(name: str) -> set[str]:
    return {word[:SAME_WORD] for word in _slug(name).split("-")} - SMALL_WORDS


def _after(table: Path) -> str:
    stem = _slug(table.stem)
    return _slug(table.absolute().parent.name) if stem in GENERIC else stem


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-")
