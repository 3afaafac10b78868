echo "pool $(sh workflow/code/write.sh "$@")"
