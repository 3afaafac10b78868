"""What jobs ask of a cluster grows with the study, also before there is anything but its reports."""

import re
import sys

from conftest import run_tool

LINE = r"\| (\S+) +\| +\d+ \| +\d+ \| +\d+ \| +\d+ \| +([\d.]+) \| +([\d.]+) \|"


def test_limits_grow_with_the_number_of_images(new_project):
    """A small study asks for what test_profiles.py sees."""
    project = new_project(models=None)
    views = project / "data/reports/openi-published/views.csv"
    views.parent.mkdir(parents=True)
    views.write_text("image_id,report_id,view\n" + "CXR1_a,CXR1,Frontal\n" * 377_000)
    plan = ["workflow/scripts/plan.py", "--profile", "profiles/slurm", "--config", "study=openi-published"]
    known = run_tool(project, sys.executable, *plan).stdout
    asked = {name: (float(gb), float(hours)) for name, gb, hours in re.findall(LINE, known)}
    assert asked["pairs"][0] > 3, "the tables of reports are held"
    assert asked["pairs"][1] > 10, "decoding takes hours"
    assert asked["masks"][1] > 10
    assert asked["baselines"][0] > 10, "every n-gram is held"
    assert asked["image_fold<k>"][1] > 7, "an epoch takes minutes"
