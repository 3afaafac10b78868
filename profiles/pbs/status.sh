#!/usr/bin/env bash
# Say whether a job is running (or waits), has ended well (success) or not (failed).
found=$(qstat -x -f "$1") || { echo failed; exit; }
case $(sed -n 's/^ *job_state = //p' <<< "$found"),$(sed -n 's/^ *Exit_status = //p' <<< "$found") in
    F,0) echo success ;;
    F,*) echo failed ;;
    *) echo running ;;
esac
