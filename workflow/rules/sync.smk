sys.path.insert(0, str(WORKFLOW / "scripts"))

import dvc_sync

SYNCS = config["dvc_sync"] and workflow.is_main_process and dvc_sync.possible(STUDY_NAME)

if SYNCS:
    dvc_sync.before_graph(STUDY_NAME, workflow)
