"""A stand-in for conda, for tests where no channel can be reached.

It understands the few commands that `snakemake --use-conda` gives. Solving and linking are py-rattler's and real. The
channel is not: its packages are links to what is installed beside the tests, under their names and versions in
conda-forge. So the files of environments, their isolation and activation are tested, and not what conda-forge holds.
"""

import asyncio
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections import Counter
from importlib.metadata import Distribution, distributions
from itertools import pairwise
from pathlib import Path

import yaml
from packaging.requirements import Requirement

SITE = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
INSTALLED = Path(sysconfig.get_path("purelib"))
IN_CONDA_FORGE = {"torch": "pytorch", "matplotlib": "matplotlib-base", "huggingface-hub": "huggingface_hub"}
SCRIPTS = {
    "conda": f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n',
    "activate": 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n',
}


def build(root: Path, pip: str) -> dict[str, str]:
    """Make a conda in `root` whose channel has what is installed here, and pip as version `pip`.

    Returns the environment variables with which `snakemake --use-conda` uses it.
    """
    (root / "bin").mkdir(parents=True)
    for name, text in SCRIPTS.items():
        (root / "bin" / name).write_text(text)
        (root / "bin" / name).chmod(0o755)
    installed = {_normal(found.name): found for found in distributions(path=[str(INSTALLED)])}
    owners = Counter(top for found in installed.values() for top in {file.parts[0] for file in _files(found)})
    packages = [_python()]
    for name, found in installed.items():
        version = pip if name == "pip" else found.version.split("+")[0]
        links = {SITE / place: INSTALLED / place for place in _places(found, owners)}
        packages.append((IN_CONDA_FORGE.get(name, name), version, _needs(found, installed), links))
    channel = root / "channel"
    index = dict(_write(channel / "noarch", *package) for package in packages)
    for subdir, content in {"noarch": index, "linux-64": {}}.items():
        (channel / subdir).mkdir(exist_ok=True)
        repodata = {"info": {"subdir": subdir}, "packages": content, "packages.conda": {}, "repodata_version": 1}
        (channel / subdir / "repodata.json").write_text(json.dumps(repodata))
    return {"PATH": f"{root / 'bin'}:{os.environ['PATH']}", "STAND_IN_CHANNEL": channel.as_uri()}


Links = dict[Path, Path]
Package = tuple[str, str, list[str], Links]


def _python() -> Package:
    """The interpreter of the tests, as venv would link it."""
    version = ".".join(map(str, sys.version_info[:3]))
    home = Path(sys.base_prefix) / "bin"
    interpreter = home / f"python{sys.version_info.major}.{sys.version_info.minor}"
    configuration = INSTALLED.parents[2] / "pyvenv.cfg"
    names = ["python", "python3", interpreter.name]
    return "python", version, [], {Path("pyvenv.cfg"): configuration} | {Path("bin") / n: interpreter for n in names}


def _files(found: Distribution) -> list[Path]:
    files = [Path(file) for file in found.files or [] if "__pycache__" not in file.parts]
    return [file for file in files if file.parts[0] != ".."]


def _places(found: Distribution, owners: Counter) -> set[Path]:
    """Its folders of site-packages, and single files where a folder has several owners."""
    return {Path(file.parts[0]) if owners[file.parts[0]] == 1 else file for file in _files(found)}


def _needs(found: Distribution, installed: dict) -> list[str]:
    requirements = map(Requirement, found.requires or [])
    names = {_normal(each.name) for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})}
    return sorted(["python", *(IN_CONDA_FORGE.get(name, name) for name in names if name in installed)])


def _write(folder: Path, name: str, version: str, needs: list[str], links: Links) -> tuple[str, dict]:
    """Write a package of links; its file name and its entry in the index of the channel."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [{"_path": str(path), "path_type": "softlink", "size_in_bytes": 0} for path in links]
    record = {"name": name, "version": version, "build": "0", "build_number": 0, "subdir": "noarch", "depends": needs}
    record |= {"noarch": "generic"}
    info = {"index.json": record, "paths.json": {"paths": paths, "paths_version": 1}}
    file = folder / f"{name}-{version}-0.tar.bz2"
    with tarfile.open(file, "w:bz2") as package:
        for path, content in info.items():
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(f"info/{path}")
            entry.size = len(data)
            package.addfile(entry, io.BytesIO(data))
        for path, target in links.items():
            entry = tarfile.TarInfo(str(path))
            entry.type, entry.linkname = tarfile.SYMTYPE, str(target)
            package.addfile(entry)
    data = file.read_bytes()
    return file.name, record | {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


async def create(prefix: str, specs: list[str]) -> None:
    """Solve and link an environment.

    Raises:
        rattler.exceptions.SolverError: the channel cannot satisfy it.
    """
    import rattler

    platforms = [rattler.Platform("linux-64"), rattler.Platform("noarch")]
    channel = rattler.Channel(os.environ["STAND_IN_CHANNEL"])
    records = await rattler.solve(
        [channel], specs, platforms=platforms, virtual_packages=rattler.VirtualPackage.detect()
    )
    await rattler.install(records, target_prefix=prefix, show_progress=False)


def main(arguments: list[str]) -> None:
    """Answer a command of Snakemake as conda would."""
    options = dict(pairwise(arguments))
    match arguments:
        case ["--version"]:
            print("conda 24.7.1")
        case ["info", "--json"]:
            root = str(Path(os.environ["STAND_IN_CHANNEL"].removeprefix("file://")).parent)
            print(json.dumps({"conda_prefix": root, "platform": "linux-64", "conda_version": "24.7.1"}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *_]:
            wanted = yaml.safe_load(Path(options["--file"]).read_text())["dependencies"]
            asyncio.run(create(options["--prefix"], [spec for spec in wanted if isinstance(spec, str)]))
            from_pip = [spec for part in wanted if isinstance(part, dict) for spec in part["pip"]]
            if from_pip:
                python = f"{options['--prefix']}/bin/python"
                subprocess.run([python, "-m", "pip", "install", "--quiet", *from_pip], check=True)
        case ["clean", *_]:
            pass
        case _:
            sys.exit(f"conda stand-in: {' '.join(arguments)}: not understood")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
    os._exit(0)  # threads of py-rattler may outlive the interpreter, which then aborts
