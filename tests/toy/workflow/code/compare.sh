echo "compare $(sh workflow/code/write.sh "$@")"
