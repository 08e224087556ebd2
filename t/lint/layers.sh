#!/bin/sh
# A module includes and calls only what stands before it in Makefile.am's list,
# and is one .c, one .h and one unit test.
#
# Calls are read from the objects: a symbol that one defines and another one
# wants.  The role files choose what a library is; they stand above front/init,
# which finds them by name, so they count as modules of the front floor.
#
# Each library has a list: bdwgc's contract takes the place of cgc.h's, under
# the same names.  The tests of compat/ are programs, in t/compat.
. "$(dirname "$0")/common.inc"
need_build
make_list MODULES > "$work/modules"
make_list MALLOC_MODULES > "$work/upper"
make_list CORE_MODULES > "$work/core"
make_list COMPAT_MODULES > "$work/compat"
for list in UNIT_TESTS MALLOC_TESTS OWN_MALLOC_TESTS; do
  make_list "$list" | sed 's|^t/unit/||'
done | sort > "$work/tests"
cat "$work/modules" "$work/upper" > "$work/all"
cat "$work/core" "$work/compat" > "$work/drop-in"
cat "$work/all" "$work/compat" > "$work/every"

check_files() {
  while read -r module; do
    [ -f "$module.c" ] || echo "$module.c is missing"
    [ -f "$module.h" ] || echo "$module.h is missing"
  done < "$work/every"
  sed 's|.*/||' "$work/all" | sort > "$work/names"
  diff "$work/names" "$work/tests" |
    sed -n 's/^< /no unit test in Makefile.am: /p; s/^> /no module: t\/unit\//p'
  while read -r test; do
    [ -f "t/unit/$test.c" ] || echo "t/unit/$test.c is missing"
  done < "$work/names"
  sed 's|.*/||' "$work/compat" | while read -r test; do
    [ -f "t/compat/$test.c" ] || echo "t/compat/$test.c is missing"
  done
  find libcgc -name '*.c' ! -name 'role-*.c' | sed 's/\.c$//' |
    grep -vxF -f "$work/every" | sed 's/$/.c is not in Makefile.am/'
}

# Each line: file line-number included-header, of the modules of the list $1.
includes() {
  while read -r module; do
    grep -n '^#include "' "$module.c" "$module.h" /dev/null |
      sed -n 's/^\([^:]*\):\([0-9]*\):#include "\([^"]*\)".*/\1 \2 \3/p'
  done < "$1"
}

check_includes() {
  includes "$1" | awk '
    NR == FNR { rank["libcgc/" substr($1, 8)] = NR; next }
    $3 == "base/base.h" || $3 == "base/option.def" || $3 == "base/rank.def" ||
    $3 == "look/layout.def" || $3 == "front/door.def" ||
      $3 == "cgc.h" || $3 == "where.h" { next }
    $3 ~ /^gc\/gc[a-z_]*\.h$/ || $3 == "gc/javaxfc.h" { next }
    {
      own = $1; sub(/\.[ch]$/, "", own)
      other = "libcgc/" $3; sub(/\.h$/, "", other)
      if (!(other in rank))
        printf "%s:%d: %s is no module\n", $1, $2, $3
      else if (rank[other] > rank[own])
        printf "%s:%d: includes %s, which stands above it\n", $1, $2, $3
    }' "$1" -
}

# Each line: module symbol D|U.
symbols() {
  while read -r module; do
    object=$(object_of "$module")
    if [ -z "$object" ]; then
      echo "$module was not compiled" >> "$work/complaints"
      continue
    fi
    nm -g "$object" | awk -v module="$module" '
      $1 == "U" || $1 == "w" { print module, $2, "U"; next }
      NF == 3 { print module, $3, "D" }'
  done < "$1"
}

check_calls() {
  symbols "$1" > "$work/symbols"
  awk '
    FILENAME !~ /symbols$/ { rank[$1] = FNR; next }
    $3 == "D" { owner[$2] = $1; next }
    { want[++n] = $0 }
    END {
      for (i = 1; i <= n; i++) {
        split(want[i], w, " ")
        if (w[2] in owner && rank[owner[w[2]]] > rank[w[1]])
          printf "%s uses %s of %s, which stands above it\n",
                 w[1], w[2], owner[w[2]]
      }
    }' "$1" "$work/symbols"
}

: > "$work/complaints"
check_files >> "$work/complaints"
for library in all drop-in; do
  check_includes "$work/$library"
  check_calls "$work/$library"
done | sort -u >> "$work/complaints"
verdict "$work/complaints" 'The one list of Makefile.am does not hold:'
