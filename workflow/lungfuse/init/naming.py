"""What a new study is called."""

import re
from pathlib import Path
from typing import Any

from lungfuse.errors import UserError
from lungfuse.init.words import plain
from lungfuse.paths.names import RAW
from lungfuse.settings.params import STUDY_NAME

GENERIC = {"cases", "metadata", "data", "table", "labels", "train", "index", "dataset", "meta", "sheet1", "export"}


def study_name(given: str | None, table: Path, studies: dict[str, Any], replace: bool) -> str:
    """The name that is given, or one after the table or its folder.

    Raises:
        UserError: it is no name of a study, or one has it.
    """
    name = given if given is not None else _after(table)
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


def _after(table: Path) -> str:
    stem = _slug(table.stem)
    return _slug(table.absolute().parent.name) if stem in GENERIC else stem


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-")
