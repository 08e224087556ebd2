#!/bin/sh
# libgc.so.1 exports every name that bdwgc's does, of the same kind and, for
# data, of the same size, since programs hold copies of them.  _end is the
# linker's: a program that asks for it has its own.  Its
# names have no versions.
. "$(dirname "$0")/common.inc"
need_build
library=$top_builddir/.libs/libgc.so.1
[ -e "$library" ] || { echo "SKIP: no libgc.so.1"; exit 77; }

# Each line: name kind size, in hexadecimal digits.
exported() {
  nm -D -S --defined-only "$library" | awk '
    NF == 4 && $3 ~ /[TWi]/ { print $4, "func", 0; next }
    NF == 4 { sub(/^0*/, "", $2); print $4, "object", $2; next }
    { print $3, "notype", 0 }' | sort
}

exported > "$work/exported"
awk -F'\t' 'NR > 1 && $2 != "notype" {printf "%s %s %x\n", $1, $2, $2 == "object" ? $3 : 0}' \
  t/lint/libgc-8.2.2-symbols.tsv | sort > "$work/wanted"
{
  comm -13 "$work/exported" "$work/wanted" |
    sed 's/^/libgc.so.1 lacks: /'
  readelf -d "$library" | grep -q 'soname: \[libgc.so.1\]' ||
    echo 'the soname is not libgc.so.1'
  grep '@' "$work/exported" | sed 's/^/has a version: /'
} > "$work/complaints"
verdict "$work/complaints" 'In the place of bdwgc:'
