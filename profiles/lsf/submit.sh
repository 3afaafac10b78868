#!/usr/bin/env bash
# Submit a job script and print the number of its job alone, as Snakemake wants it.
set -euo pipefail
mkdir -p logs/lsf
bsub "$@" | sed -n 's/^Job <\([0-9]*\)>.*/\1/p'
