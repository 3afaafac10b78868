"""Raw files of a study: links in its raw folder to where they are, or copies."""

import filecmp
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lungfuse.errors import UserError
from lungfuse.files import FULL, atomic_path, files_below, refuse_braces

NO_BRACES = str.maketrans("{}", "()")  # in which Snakemake has its wildcards


@dataclass(frozen=True)
class Sources:
    """The files of a study, each under its name in the raw folder `raw`; those that are in it already stay there."""

    raw: Path
    table: str
    images: list[str]
    links: dict[str, Path]

    def stage(self, folder: Path) -> None:
        """Make links to all files in another folder, to look at them as they will be in the raw folder."""
        for name in [self.table, *self.images]:
            link = folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((self.links.get(name) or self.raw / name).absolute())


def sources_of(raw: Path, table: Path, images: list[Path]) -> Sources:
    """What the files are called in the raw folder.

    Raises:
        UserError: a file is missing or has braces in its path, or images are no folder or .zip file.
    """
    for place in images:
        if not place.exists():
            raise UserError(f"--images: {place}: not found. Expected a folder or a .zip file with the images.")
        refuse_braces([path.relative_to(place) for path in files_below(place)])
        if not place.is_dir() and place.suffix.lower() != ".zip":
            raise UserError(
                f"--images: {place}: is a {place.suffix or 'plain'} file, expected a folder or a .zip file. Unpack it."
            )
    links: dict[str, Path] = {}
    names = [_name(place, raw, links) for place in [table, *images]]
    return Sources(raw, names[0], names[1:], links)


def _name(place: Path, raw: Path, links: dict[str, Path]) -> str:
    absolute = place.resolve() if place.name in ("", "..") else place.parent.resolve() / place.name
    if absolute.is_relative_to(raw.resolve()) and absolute != raw.resolve():
        return absolute.relative_to(raw.resolve()).as_posix()
    name, number = absolute.name.translate(NO_BRACES), 1
    stem, suffix = Path(name).stem, Path(name).suffix
    while name in links:
        number += 1
        name = f"{stem}_{number}{suffix}"
    links[name] = absolute
    return name


def check_links(sources: Sources, replace: bool) -> None:
    """See that no file in the raw folder is in the way.

    Raises:
        UserError: there is one that was not put there for this study.
    """
    for name, target in sources.links.items():
        place = sources.raw / name
        if place.absolute().is_relative_to(target):
            raise UserError(
                f"--images: {target} holds the project itself, with its raw folder {sources.raw}. Move the images to a "
                "folder of their own, and name it with --images."
            )
        if not (place.is_symlink() or place.exists()) or _is_same(place, target):
            continue
        if place.is_symlink() and replace:
            continue
        what = f"a link to {place.readlink()}" if place.is_symlink() else "a file or folder of its own"
        raise UserError(
            f"{place}: is there already, {what}, and is not {target}. "
            + ("Say --replace to replace the link, or g" if place.is_symlink() else "Move it away, or g")
            + "ive the study another name with --name."
        )


def put_in_place(sources: Sources, root: Path, copy: bool) -> None:
    """Link or copy the files into the raw folder; see `check_links`."""
    sources.raw.mkdir(parents=True, exist_ok=True)
    for name, target in sources.links.items():
        place = sources.raw / name
        if _is_same(place, target) and not (copy and place.is_symlink()):
            continue
        with atomic_path(place) as partial:
            if copy:
                _copy(target, partial, place)
            else:
                partial.symlink_to(_spelled(target, place, root))
            if place.is_symlink():
                place.unlink()  # a link to a folder is not replaced by a folder


def _spelled(target: Path, place: Path, root: Path) -> Path:
    """Where a link points: relatively within the project, so that it can be moved, else absolutely."""
    if target.is_relative_to(root.absolute()):
        return Path(os.path.relpath(target, place.parent.absolute()))
    return target


def _copy(target: Path, partial: Path, place: Path) -> None:
    """Copy a file, or the files in a folder, to `partial`, which is to become `place`."""
    if target.is_file():
        _copy_file(target, partial, place)
        return
    try:
        partial.mkdir()
        for file in files_below(target):
            copied = partial / file.relative_to(target)
            copied.parent.mkdir(parents=True, exist_ok=True)
            _copy_file(file, copied, place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _copy_file(file: Path, copied: Path, place: Path) -> None:
    try:
        shutil.copyfile(file, copied)
    except OSError as error:
        if error.errno in FULL:  # the error names the file that is read
            raise UserError(
                f"{place}: cannot be written ({error.strerror}). Free some space, or leave --copy out, so that files "
                "are linked."
            ) from error
        raise UserError(f"{file}: cannot be copied ({error.strerror}). Fix it, or leave it out.") from error


def _is_same(place: Path, target: Path) -> bool:
    """Whether a place has what is to be put there: a link to it, or a copy."""
    if not place.exists():
        return False
    if place.samefile(target):
        return True
    if place.is_symlink() or place.is_dir() != target.is_dir():
        return False
    if place.is_file():
        return filecmp.cmp(place, target, shallow=False)
    names = [path.relative_to(target) for path in files_below(target)]
    if names != [path.relative_to(place) for path in files_below(place)]:
        return False
    return all(filecmp.cmp(place / name, target / name, shallow=False) for name in names)
