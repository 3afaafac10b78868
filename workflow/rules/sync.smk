sys.path.insert(0, str(WORKFLOW / "scripts"))

import dvc_sync

SYNCS = config["dvc_sync"] and workflow.is_main_process and dvc_sync.possible(STUDY_NAME)


def sync(*options: str) -> None:
    """Let Snakemake and DVC tell each other what is up to date; a failure is told and stops nothing."""
    command = [sys.executable, WORKFLOW / "scripts" / "dvc_sync.py", "--study", STUDY_NAME, *options]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(WORKFLOW)})


# Before the graph of jobs is built, for it rests on what this finds.
if SYNCS and dvc_sync.changed_outside(STUDY_NAME):
    sync()
