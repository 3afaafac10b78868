echo "train $(sh workflow/code/write.sh "$@")"
