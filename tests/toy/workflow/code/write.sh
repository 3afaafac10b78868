# Prints its first argument and a digest of the files that follow.
first=$1
shift
echo "$first $(cat /dev/null "$@" | sha256sum)"
