#!/usr/bin/env bash
# Say whether a job is running (or waits), has ended well (success) or not (failed).
if qstat -j "$1" > /dev/null 2>&1; then echo running; exit; fi
for _ in {1..10}; do # the record of an ended job comes a moment later
    if ended=$(qacct -j "$1" 2> /dev/null); then
        grep -q '^exit_status  *0 *$' <<< "$ended" && grep -q '^failed  *0 *$' <<< "$ended" && echo success || echo failed
        exit
    fi
    sleep 1
done
echo failed
