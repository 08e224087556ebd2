#!/bin/sh
# Every option of option.def has its entry in cgc-env(7), with its default as
# cgc run --options prints it, and the page has no other; both are sorted.
. "$(dirname "$0")/common.inc"

sed -n 's/^CGC_\(OPTION\|CHOICE\)([^"]*"\(CGC_[A-Z_]*\)".*/\2/p' \
  libcgc/base/option.def > "$work/table"
sed -n '/^\.SH OPTIONS/,/^\.SH/s/^\.B[RI]* \(CGC_[A-Z_]*\).*/\1/p' \
  man/cgc-env.7 > "$work/page"

check_defaults() {
  [ -x "$top_builddir/cgc" ] || return
  "$top_builddir/cgc" run --options | awk '
    NR == FNR && match($0, /^CGC_[A-Z_]+=/) {
      name = substr($0, 1, RLENGTH - 1)
      value = $NF; gsub(/[()]/, "", value)
      want[name] = "default " value
    }
    NR == FNR { next }
    /^\.B/ { name = $2; sub(/=.*/, "", name) }
    name in want && index($0, want[name]) { delete want[name] }
    END { for (n in want) printf "%s: the page lacks: %s\n", n, want[n] }
  ' - man/cgc-env.7
}

{
  diff "$work/table" "$work/page" |
    sed -n 's/^< /not in cgc-env(7), or not in its place: /p
            s/^> /not in option.def, or not in its place: /p'
  sort -c "$work/table" 2>&1 | sed 's/.*disorder/option.def is not sorted/'
  check_defaults
} > "$work/complaints"
verdict "$work/complaints" 'Options:'
