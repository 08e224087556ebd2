#!/bin/sh
# libgc.so.1 exports every name that bdwgc's does, of the same kind and, for
# data, of the same size, since programs hold copies of them.  _end is the
# linker's: a program that asks for it has its own.  Its
# names have no versions.  Each has a contract: a comment heads the paragraph of
# an installed header that declares it, and cgc-compat(3) shows both; what
# bdwgc's headers do not declare either stands in cgc-compat(7).
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

# What bdwgc's headers do not declare either.
told() { grep -o '\(GC\|cgc_debug\)_[A-Za-z_0-9]*' man/cgc-compat.7; }

# Words of declarations in paragraphs with a comment.
declared() {
  cat libcgc/compat/include/gc/*.h | awk '
    /^$/ { comment = 0; next }
    { text = $0; gsub(/\/\*[^*]*\*\//, "", text) }
    inside { inside = !/\*\//; next }
    /^\/\*/ { comment = 1; inside = !/\*\//; next }
    /^GC_API/ { open = 1 }
    open && comment { print text }
    open && /;/ { open = 0 }' | grep -o 'GC_[A-Za-z_0-9]*'
}

# Words of declarations in the page of section 3.
shown() {
  sed -n '/^\.HP/{n;p}' "$top_builddir/man/cgc-compat.3" |
    grep -o 'GC_[A-Za-z_0-9]*'
}

# Its names, but for data that only the collector's own tools read.
check_contracts() {
  awk '{ print $1 }' "$work/exported" |
    grep -vx 'cgc_debug_mailbox\|cgc_debug_root' | sort > "$work/names"
  for where in declared shown; do
    { $where; told; } | sort -u | comm -23 "$work/names" - |
      sed "s/^/not $where with its contract: /"
  done
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
  check_contracts
} > "$work/complaints"
verdict "$work/complaints" 'In the place of bdwgc:'
