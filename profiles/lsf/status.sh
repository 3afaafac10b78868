#!/usr/bin/env bash
# Say whether a job is running (or waits), has ended well (success) or not (failed).
case $(bjobs -a -noheader -o stat "$1") in
    DONE) echo success ;;
    EXIT | ZOMBI | "") echo failed ;;
    *) echo running ;;
esac
