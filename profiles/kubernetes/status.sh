#!/usr/bin/env bash
# Say whether a job is running (or waits), has ended well (success) or not (failed).
case $(kubectl get "$1" --output=jsonpath='{.status.succeeded},{.status.failed}' || echo ",1") in
    1,*) echo success ;;
    ,1) echo failed ;;
    *) echo running ;;
esac
