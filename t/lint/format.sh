#!/bin/sh
# clang-format 14 would change nothing.
. "$(dirname "$0")/common.inc"

formatter=${CLANG_FORMAT:-clang-format}
case $("$formatter" --version 2>/dev/null) in
*version\ 14.*) ;;
*)
  echo "SKIP: no clang-format 14"
  exit 77
  ;;
esac
# File names have no blanks here.
# shellcheck disable=SC2046
"$formatter" --style=file --dry-run -Werror $(c_files) > "$work/out" 2>&1 &&
  exit 0
grep 'error:' "$work/out" | sed 's/ code should.*//' > "$work/complaints"
verdict "$work/complaints" "clang-format -i changes (or fails at):"
