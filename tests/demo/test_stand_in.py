import numpy as np
import pandas as pd
import pytest
from conftest import write_openi, xml_report

from lungfuse.adapters.openi import read_images, read_reports
from lungfuse.demo.stand_in import main
from lungfuse.ingest.images import decode
from lungfuse.settings.ingest import ImageSettings


@pytest.fixture
def folders(tmp_path):
    """Forty reports, every second one of class lung, each with a frontal and a lateral image."""
    reports, frontal = {}, []
    for number in range(1, 41):
        names = [f"CXR{number}_IM-0001-{view}001" for view in (1, 2)]
        major = ["Lung/hypoinflation"] if number % 2 else ["normal"]
        reports[str(number)] = xml_report(f"CXR{number}", names, major)
        frontal.append(names[0])
    write_openi(tmp_path / "real", reports, [], frontal)
    main(raw=tmp_path / "real", folder=tmp_path / "drawn")
    return tmp_path / "real", tmp_path / "drawn"


def test_every_image_that_a_report_names_is_drawn_beside_the_same_reports(folders):
    real, drawn = folders
    names = [member.stem for member in read_images(drawn)]
    assert sorted(names) == sorted(read_reports(drawn).views["image_id"])
    for name in ["NLMCXR_reports.tgz", "indiana_projections.csv"]:
        assert (drawn / name).read_bytes() == (real / name).read_bytes()


def test_the_lungs_of_class_lung_differ_from_normal_ones(folders):
    _, drawn = folders
    settings = ImageSettings(image_px=32, fit="pad")
    images = {m.stem: decode(m.data, settings)[0][8:] for m in read_images(drawn) if "-1001" in m.name}
    frontal = pd.Series({name: (pixels < pixels.mean()).mean() for name, pixels in images.items()})
    lung = frontal.index.str.extract(r"CXR(\d+)_", expand=False).astype(int) % 2 == 1
    spread = [np.std(frontal[lung]), np.std(frontal[~lung])]
    assert spread[0] > 1.5 * spread[1]


def test_the_drawing_is_the_same_every_time(folders, tmp_path):
    main(raw=folders[0], folder=tmp_path / "again")
    assert (tmp_path / "again/NLMCXR_png.tgz").read_bytes() == (folders[1] / "NLMCXR_png.tgz").read_bytes()
