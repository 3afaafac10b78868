echo "split $(sh workflow/code/write.sh "$@")"
