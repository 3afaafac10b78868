sys.path.insert(0, str(WORKFLOW / "scripts"))

import dvc_graph
import dvc_sync
from dvc_stage import stages_of, target

SYNCS = config["dvc_sync"] and workflow.is_main_process and dvc_sync.possible(PLAN.name)

if SYNCS:
    dvc_sync.sync_before(PLAN.name, workflow)

# DVC asks for its stages by name: snakemake -- stage_<name>.
if workflow.is_main_process and any(word.startswith(target("")) for word in sys.argv):
    STAGES = stages_of(PLAN.name, dvc_graph.jobs_of(PLAN), dvc_graph, config)
    dvc_sync.stay_in_stage(STAGES, workflow)

    for each in STAGES:

        rule:
            name:
                target(each.name)
            input:
                each.outputs,
