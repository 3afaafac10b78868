echo "page $(sh workflow/code/write.sh "$@")"
