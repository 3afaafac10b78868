"""Small data in the formats of the study, made by the tests themselves."""

import gzip
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import getitem
from pathlib import Path

import engines
import numpy as np
import pandas as pd
import pytest
import yaml
from filelock import FileLock
from lxml import etree
from PIL import Image

from lungfuse.archive import read_members
from lungfuse.plan.load import load_studies
from lungfuse.settings.params import read_params
from lungfuse.settings.study import Study

pytest_plugins = ["hub_cache", "small_study", "trained_study", "new_parts", "small_comparison", "small_report"]

ROOT = Path(__file__).resolve().parent.parent
DEMO_MODELS = ["majority", "tfidf", "linear-probe", "linear-probe_segmented", "linear-probe_mask-only"]
DEMO_MODELS += ["image", "text", "late", "late-stacked", "kv-exchange"]
FEW_MODELS = ["tfidf", "linear-probe", "linear-probe_segmented", "image", "text", "late", "kv-exchange"]
HEAVY = ["encoder", "features", "fit", "pretrain", "train", "segmenter", "segmentation-scores", "masks", "draw-masks"]
HEAVY += ["analysis", "explanation", "permute"]  # stages that load PyTorch, TensorFlow or Matplotlib
HEAVY += ["document"]  # and the one that reads all that these make
HEAVY_AND_LAST = [*HEAVY, "compare", "pages"]
LONGEST = ["test_search_engines", "test_parity", "test_agreement", "test_workflow", "test_own_data", "test_real_data"]
LONGEST += ["test_profiles", "test_dvc", "test_from_a_table", "test_devices"]
NOT_COPIED = [".git", ".venv*", ".snakemake", "data", "results", "logs", "cache", "tmp", "*.egg-info"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: [*LONGEST, item.path.stem].index(item.path.stem))


@pytest.fixture(scope="session")
def studies() -> dict[str, Study]:
    return load_studies(read_params(ROOT / "params.yaml"))


@pytest.fixture
def params() -> dict:
    """The content of params.yaml, to be changed."""
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are skipped when it is not given."""
    if not os.environ.get("LUNGFUSE_REAL_DATA"):
        pytest.skip("LUNGFUSE_REAL_DATA is not set: the real OpenI files are not part of the project")
    return Path(os.environ["LUNGFUSE_REAL_DATA"]).resolve()


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder that all processes of pytest-xdist share: the first that asks for it makes it, the others wait."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.made"
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def new_project(tmp_path_factory) -> Callable[[], Path]:
    """Make a copy of the project as a fresh clone would have it: no data, no results.

    Its demo has a few models and short trainings on fewer drawn studies, unless `models` is None. The stages
    `stand_ins` do not compute, but write outputs of the right form: see tests/stand_ins.
    """

    def copy(
        models: list[str] | None = DEMO_MODELS,
        folds: int = 3,
        epochs: int = 2,
        studies: int = 160,
        stand_ins: list[str] | None = None,
    ) -> Path:
        project = tmp_path_factory.mktemp("project") / "lungfuse"
        copy_project(project)
        if stand_ins:
            code = project / "workflow/lungfuse"
            (code / "__main__.py").rename(code / "real_main.py")
            shutil.copytree(ROOT / "tests/stand_ins", code, dirs_exist_ok=True)
            (code / "stand_ins.json").write_text(json.dumps(stand_ins))
        if models is not None:
            keep_small_demo(project, models, folds, epochs, studies)
        return project

    return copy


@pytest.fixture(scope="session")
def finished_demo(once) -> Path:
    """A project in which a small demo has been run, which all tests share: they look at it, or change a copy of it."""

    def run(folder: Path) -> None:
        copy_project(folder)
        keep_small_demo(folder, DEMO_MODELS, folds=2, epochs=1, studies=450)
        done = run_snakemake(folder, "--config", "study=demo")
        assert done.returncode == 0, done.stdout

    return once("finished_demo", run)


def copy_project(project: Path) -> None:
    """Make a copy of the project as a fresh clone would have it."""
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(*NOT_COPIED))


def keep_small_demo(project: Path, models: list[str], folds: int, epochs: int, studies: int) -> None:
    """Leave the demo of a project these models, and fewer synthetic studies."""
    keep_models(project / "params.yaml", "demo", models, folds, epochs, audited=["findings"])
    draw_fewer(project / "workflow/lungfuse/demo/draw.py", studies=studies, masks=60)


@pytest.fixture(scope="session")
def drawn_raw(once) -> Path:
    """Raw files in the formats of OpenI, of 160 drawn studies."""
    return once("drawn", lambda folder: draw_openi(folder / "openi")) / "openi"


def draw_openi(raw: Path) -> None:
    from lungfuse.demo.draw import RawFiles, main

    names = {"reports": "NLMCXR_reports.tgz", "images": "NLMCXR_png.tgz", "projections": "indiana_projections.csv"}
    files = RawFiles(
        reports_archive=raw / names["reports"], images_archive=raw / names["images"],
        projections=raw / names["projections"], patients=raw / "patients.csv",
        evidence_table=raw / "evidence.csv", evidence_archive=raw / "evidence.tgz",
    )  # fmt: skip
    main(files=files, lung_masks=raw.parent / "masks", studies=160, masks=2)
    write_tags(raw)


def write_tags(raw: Path) -> None:
    """The DICOM tags of the images of drawn studies, with the ages of their patients and one of two devices."""
    from lungfuse.datasets.openi import TAGS

    born = pd.read_csv(raw / "patients.csv").set_index("report_id")["age"].map(lambda age: f"{2012 - age:.0f}0101")
    images = pd.read_csv(raw / "indiana_projections.csv", dtype=str)
    tags = pd.DataFrame({"imageid": "CXR" + images["filename"].str.removesuffix(".dcm.png")})
    tags["Patient's Birth Date"] = ("CXR" + images["uid"]).map(born)
    tags["Study Date"] = "2012" + (images.index % 12 + 1).astype(str).str.zfill(2) + "15"
    devices = {
        "Imager Pixel Spacing": ["['0.143', '0.143']", ""],
        "Plate Type": ["A", "B"],
        "Private Creator": ["", ""],
    }
    devices |= {"Photometric Interpretation": ["MONOCHROME1", "MONOCHROME2"], "Bits Stored": ["12", "15"]}
    for name, words in (devices | {"View Position": ["PA", "AP"]}).items():
        tags[name] = np.where(images.index // 2 % 2, *words)
    tags.to_csv(raw / TAGS, index=False)


@contextmanager
def changed_setting(params: Path, *place: str | int, to: object) -> Iterator[None]:
    """Change the setting at a place of params.yaml; after the block the file is as it was."""
    before = params.read_text()
    content = yaml.safe_load(before)
    *above, key = place
    reduce(getitem, above, content)[key] = to
    params.write_text(yaml.safe_dump(content, sort_keys=False))
    try:
        yield
    finally:
        params.write_text(before)


def keep_models(
    params: Path, study: str, models: list[str], folds: int, epochs: int, audited: Sequence[str] = ()
) -> None:
    """Leave a study these models and audited sections, and short trainings of small encoders, as the demo has them."""
    content = yaml.safe_load(params.read_text())
    own, demo = (content["studies"][name] for name in [study, "demo"])
    settings = own | {key: demo[key] for key in ["fusion", "train"]}
    for section, kept in {"encoders": "pooling", "images": "colour"}.items():
        settings[section] = demo[section] | {key: value for key, value in own.get(section, {}).items() if key == kept}
    settings["split"] = {"folds": folds}
    settings["n_seeds"] = 1
    settings.get("comparison", {}).pop("published_epochs", None)  # of models that are left out
    settings["pretraining"] = {"min_reports": 2, "train": {"epochs": epochs}}
    settings["leakage"] = {"sections": list(audited), "draws": 1}
    if "segmentation" in settings:
        settings["segmentation"]["train"]["epochs"] = epochs
    start = {} if study == "demo" else {"init_from": "encoder"}  # no model of others starts from another
    settings["train"] = settings["train"] | {"epochs": epochs} | start
    settings["models"] = {name: model for name, model in settings["models"].items() if name in models}
    for model in settings["models"].values():
        if "train" in model:
            model["train"]["epochs"] = epochs
        model.pop("n_seeds", None)
        if "layers" in model.get("train", {}):
            model["train"]["layers"] = "full"
    content["studies"][study] = settings
    params.write_text(yaml.safe_dump(content, sort_keys=False))


def draw_fewer(module: Path, **numbers: int) -> None:
    """Change how much the demo draws where nothing else is said."""
    code = module.read_text()
    for name, number in numbers.items():
        code, changes = re.subn(rf"\b({name}: int) = \d+\b", rf"\1 = {number}", code)
        assert changes == 1
    module.write_text(code)


@pytest.fixture
def stage() -> Callable[..., subprocess.CompletedProcess]:
    """Run `python -m lungfuse` as a user would."""

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "lungfuse", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)

    return run


def stage_command(folder: Path, name: str, arguments: dict) -> list[str]:
    """The command of a process that runs a stage with arguments by name, which are kept beside a folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    given = folder.with_name(f"{folder.name}.pickle")
    given.write_bytes(pickle.dumps(arguments))
    code = (
        "import pickle, sys; from lungfuse.stages import call; call(sys.argv[1], pickle.load(open(sys.argv[2], 'rb')))"
    )
    return [sys.executable, "-c", code, name, str(given)]


def tool_variables() -> dict[str, str]:
    """The environment in which `snakemake`, `dvc` and the `python` of rules are those of the tests."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}


def run_tool(project: Path, *command: str, timeout: int = 600, **variables: str) -> subprocess.CompletedProcess:
    """Run a command in a project; its output and errors are in `stdout`."""
    with tempfile.NamedTemporaryFile() as output:
        run = start_tool(project, Path(output.name), *command, **variables)
        try:
            code = run.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(command, code, Path(output.name).read_text())


def start_tool(project: Path, output: Path, *command: str, **variables: str) -> subprocess.Popen | engines.Engine:
    """Start a command in a project and a session of its own; its output and errors go to a file."""
    environment = engines.served(tool_variables() | variables)
    if command[0] in engines.COMMANDS:
        return engines.Engine(list(command), project, environment, output)
    with output.open("w") as stream:
        return subprocess.Popen(
            command, cwd=project, env=environment, start_new_session=True, stdout=stream, stderr=stream
        )


def run_snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    return run_tool(project, "snakemake", "--cores", "2", *arguments)


def xml_report(
    report_id: str, images: list[str], major: list[str] = ("normal",), findings: str = "Clear.", before: str = ""
) -> bytes:
    """An OpenI report; `before` goes in front of the root element."""
    headings = "".join(f"<major>{heading}</major>" for heading in major)
    parents = "".join(f'<parentImage id="{image}"/>' for image in images)
    return f"""<?xml version="1.0" encoding="utf-8"?>{before}
    <eCitation><uId id="{report_id}"/><MedlineCitation><Article><Abstract>
    <AbstractText Label="COMPARISON">None.</AbstractText><AbstractText Label="INDICATION">Cough.</AbstractText>
    <AbstractText Label="FINDINGS">{findings}</AbstractText><AbstractText Label="IMPRESSION">Normal.</AbstractText>
    </Abstract></Article></MedlineCitation><MeSH>{headings}</MeSH>{parents}</eCitation>""".encode()


def png(width: int = 40, height: int = 30, dtype: type = np.uint8, brightest: int = 255) -> bytes:
    """A grey gradient from 0 to `brightest`."""
    pixels = np.linspace(0, brightest, width * height).reshape(height, width).astype(dtype)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png")
    return data.getvalue()


def write_tgz(path: Path, members: list[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_openi(raw: Path, reports: dict[str, bytes], images: list[tuple[str, bytes]], frontal: list[str]) -> Path:
    """The three raw files of OpenI in the folder `raw`."""
    write_tgz(raw / "NLMCXR_reports.tgz", [(f"ecgen-radiology/{name}.xml", xml) for name, xml in reports.items()])
    write_tgz(raw / "NLMCXR_png.tgz", [(f"{name}.png", data) for name, data in images])
    rows = [f"{name.split('_')[0][3:]},{name[3:]}.dcm.png,Frontal\n" for name in frontal]
    (raw / "indiana_projections.csv").write_text("uid,filename,projection\n" + "".join(rows))
    return raw


def write_kaggle(openi: Path, raw: Path) -> Path:
    """What the three raw files of OpenI say, as the Kaggle edition says it.

    Reports without images are left out, and images without a projection.
    """
    (raw / "images/images_normalized").mkdir(parents=True)
    projections = pd.read_csv(openi / "indiana_projections.csv", dtype=str)
    sections, rows = ["indication", "comparison", "findings", "impression"], []
    for member in read_members(openi / "NLMCXR_reports.tgz", ".xml", 1 << 22):
        report = etree.fromstring(member.data)
        texts = {text.get("Label").lower(): text.text or "" for text in report.iter("AbstractText")}
        headings = [heading.text for heading in report.iterfind("MeSH/major")]
        problems = dict.fromkeys(heading.partition("/")[0] for heading in headings)
        if report.find("parentImage") is not None:
            row = {"uid": report.find("uId").get("id")[3:], "MeSH": ";".join(headings), "Problems": ";".join(problems)}
            rows.append(row | {"image": "PA and lateral"} | {name: texts.get(name, "") for name in sections})
    pd.DataFrame(rows).to_csv(raw / "indiana_reports.csv", index=False)
    projections.to_csv(raw / "indiana_projections.csv", index=False)
    for member in read_members(openi / "NLMCXR_png.tgz", ".png", 1 << 26):
        name = re.sub(r"^CXR(1_(?=1_))?", "", member.stem) + ".dcm.png"
        if name in set(projections["filename"]):
            (raw / "images/images_normalized" / name).write_bytes(member.data)
    return raw


def truncate(path: Path, keep: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
