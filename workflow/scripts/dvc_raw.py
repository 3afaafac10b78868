"""Raw files that were put there by hand: DVC knows those that were added by `dvc add`, and takes no links."""

import shutil
from pathlib import Path

from dvc_stage import Stage

RAW = "data/raw/"


def raw_inputs(stages: list[Stage]) -> list[str]:
    """The raw files and folders that no stage makes."""
    made = {output for stage in stages for output in stage.outputs}
    return sorted({dep for stage in stages for dep in stage.deps if dep.startswith(RAW)} - made)


def unknown_to_dvc(paths: list[str]) -> list[str]:
    """Those of some raw files and folders that are not under DVC, by themselves or by a folder that holds them."""
    return [path for path in paths if not any(_is_added(place) for place in [Path(path), *Path(path).parents][:-1])]


def links_in(paths: list[str]) -> list[Path]:
    """The links among some raw files and folders, and in these folders."""
    found = [place for path in map(Path, paths) for place in [path, *(path.rglob("*") if path.is_dir() else [])]]
    return [place for place in found if place.is_symlink()]


def copy_in_place(link: Path) -> None:
    """Put a copy in the place of a link."""
    target, partial = link.resolve(strict=True), link.with_name(f".{link.name}.partial")
    try:
        if target.is_dir():
            shutil.copytree(target, partial)
        else:
            shutil.copyfile(target, partial)
        link.unlink()
        partial.rename(link)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        partial.unlink(missing_ok=True)
        raise


def advice(paths: list[str]) -> str:
    """What is left to do for DVC to bring these raw files to a clone or an experiment; nothing, where it has them."""
    if links := links_in(paths):
        shown = ", ".join(map(str, links[:5]))
        return f"{shown}: DVC takes no links. Say --copy-links to put copies in their place, then add them."
    if unknown := unknown_to_dvc(paths):
        return (
            "For DVC to bring the raw files to clones and to experiments in a folder of their own:\n"
            f"  dvc add {' '.join(unknown)}\nand commit the .dvc files."
        )
    return ""


def _is_added(place: Path) -> bool:
    return place.with_name(f"{place.name}.dvc").exists()
