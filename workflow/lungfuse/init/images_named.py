"""What is wrong with how a table names its images: none is found, names fit several, or rows name one again."""

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFiles
from lungfuse.init.draft import Files
from lungfuse.init.profile import Profile
from lungfuse.init.question import Question
from lungfuse.init.roles import Roles, UserRoles
from lungfuse.words import listed

AMBIGUOUS = "files are called so"
LEAST = 0.3  # of the names of a column, that fit several files
REMEDY = "write one row for each image, with its words in one cell, as in {}"


def check_images(
    images: ImageFiles | None, roles: Roles, said: UserRoles, files: Files, profiles: dict[str, Profile]
) -> None:
    """See that a column names the images; without images, no column does.

    Raises:
        UserError: none does, or its names fit several files each.
    """
    if images is None:
        roles.image = None
    elif roles.image is None and said.image is None:
        for found in profiles.values():
            _check_that_names_are_clear(images, found, files.table)
        names = ", ".join(file.called or file.path.name for file in images.files[:3])
        raise UserError(
            f"--images: no column of {files.table} names these images, which are called {names}. Say --image-column "
            "and its name, or write a column with their names."
        )


def _check_that_names_are_clear(images: ImageFiles, found: Profile, table: str) -> None:
    files = images.find(found.words.index)
    unclear = {word: said for word, said in files.items() if isinstance(said, str) and AMBIGUOUS in said}
    if len(unclear) > LEAST * len(files):
        word, said = next(iter(sorted(unclear.items())))
        example = "/".join(said.partition(": ")[2].split(",")[0].split("/")[-2:])
        raise UserError(
            f"--images: {len(unclear):,} of {len(files):,} names in the column {found.name} of {table} fit several "
            f"files each, such as {word}: {said}, as in {example}, or name one of the folders with --images."
        )


def images_named_again(
    sheet: pd.DataFrame, profiles: dict[str, Profile], roles: Roles, question: Question
) -> list[str]:
    """What is unsure where rows name an image that a row above names, for these are left out; nothing without them.

    Raises:
        UserError: a class stands in such rows alone.
    """
    if roles.image is None or roles.places:
        return []
    for column, words in roles.rows.items():
        sheet = sheet[sheet[column].isin(words)]
    cells = sheet[roles.image].where(sheet[roles.image].isin(profiles[roles.image].words.index))
    again = cells.notna() & cells.duplicated()
    if not again.any():
        return []
    _check_classes(sheet, again, question)
    said = f"{again.sum():,} rows of the table name an image that a row above names, and are left out"
    otherwise = []
    for column in question.columns:
        words = sheet[column].where(sheet[column].isin(profiles[column].words.index))
        first = cells[again].map(words[~again].groupby(cells[~again]).first())
        if differ := int(((words[again] != first) & words[again].notna() & first.notna()).sum()):
            otherwise.append(f"{differ:,} of them say otherwise in {column}")
    return [f"{'; '.join([said, *otherwise])}: {REMEDY.format('effusion|mass')}"]


def _check_classes(sheet: pd.DataFrame, again: pd.Series, question: Question) -> None:
    for column in question.columns:
        kept = {*sheet[column][~again]}
        rules = [rule for rule in question.rules if rule.column == column and rule.positive and rule.between is None]
        lost = [rule.positive[0] for rule in rules if not kept & {*rule.positive}]
        if lost:
            word = next((rule.positive[0] for rule in rules if kept & {*rule.positive}), "effusion")
            raise UserError(
                f"--label {column}: {listed(map(repr, lost))} {'stand' if lost[1:] else 'stands'} only in rows that "
                f"name an image which a row above names ({again.sum():,} of {len(sheet):,} rows), and only the "
                "first row of an image is read. "
                f"W{REMEDY.format(f'{word}|{lost[0]}')[1:]}."
            )
