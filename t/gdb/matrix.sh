#!/bin/sh
# GC_collect called from gdb at every kind of stop, with scheduler-locking off,
# on and step, as a plain call and by our command, and a call that makes gdb
# allocate in the program (but while it holds a thread inside the collector):
# each ends within two seconds with a collection or a code, and the program then
# ends as it does without a debugger.
#
# PLACES in the environment: these only.  ROUNDS: so many times (1).
. "$(dirname "$0")/../shell.inc"
need_gdb
MATRIX_LIBRARY=$library
LIBCGC_HEAP_TOOL=$top_builddir/cgc-heap
export MATRIX_LIBRARY LIBCGC_HEAP_TOOL

"$top_builddir/t/gdb/matrix" > want || exit 99
grep -q '^sum' want || exit 99

all='user other slow refill fast fast-end free free-slow roots mark parked weak
  sweep born start end gone loader handler syscall vfork atexit'

# Codes: 0 collected; -1 disabled or no memory, not here; -2 to -4 say why not.
check_calls() {
  awk -v place="$1" '
    $1 != "@" { next }
    { n++ }
    $4 == "plain" && $5 !~ /^(0|-2|-3|-4)$/ { print place ": " $0 }
    $4 == "script" && $5 !~ /^(0|-9)$/ { print place ": " $0 }
    $4 == "string" && $5 !~ /^(0|not-asked)$/ { print place ": " $0 }
    $6 > 2 { print place ": takes " $6 " s: " $0 }
    END { if (n != 9) print place ": " n + 0 " calls of 9" }' log
}

one() {
  MATRIX_PLACE=$1 timeout 60 gdb -batch -nx \
    -ex "source $top_srcdir/tools/gdb/libcgc-gdb.py" \
    -ex "source $top_srcdir/t/gdb/matrix.py" \
    --args "$top_builddir/t/gdb/matrix" > log 2>&1 < /dev/null
  check_calls "$1" > wrong
  [ ! -s wrong ] || fail "$1: $(cat wrong)"
  for _ in 1 2 3 4 5 6 7 8 9 10; do # gdb let the parent of a vfork go
    grep -q '^sum' log && break
    sleep 0.2
  done
  grep '^sum' log | cmp -s - want ||
    fail "$1: the program does not end as it should"
  [ -z "${VERBOSE-}" ] || cat log
}

round=0
while [ $round -lt "${ROUNDS:-1}" ]; do
  for place in ${PLACES:-$all}; do one "$place"; done
  round=$((round + 1))
done
exit $failed
