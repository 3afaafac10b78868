"""Raw files that a user has put in place are the user's."""

from conftest import run_snakemake

GIVEN = ["NLMCXR_reports.tgz", "indiana_projections.csv", "nlmcxr_dicom_metadata.csv.gz"]


def test_deleting_all_outputs_leaves_raw_files_and_needs_none_of_them(new_project):
    project = new_project(models=None)
    raw, made = project / "data/raw/openi", project / "results/openi/pairs.csv"
    for file in [made, *(raw / name for name in GIVEN)]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("any")
    deleted = run_snakemake(project, "--delete-all-output")  # the archive of images would still have to be fetched
    assert deleted.returncode == 0, deleted.stdout
    assert sorted(file.name for file in raw.iterdir()) == GIVEN
    assert not made.exists()
