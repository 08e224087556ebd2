#!/bin/sh
# Kinds of mistakes times flows of the pointer (variants.c), by the compilers
# that are here, with and without optimisation, as C and as C++: each mistake is
# found, with its stacks, and nothing where there is none.
# variants.sh --list: what is found in each case.
. "$(dirname "$0")/../../shell.inc"
need_library
$CC -O1 -w "$here/tally.c" -o "$work/tally" || exit 99
list=0
[ "${1-}" != --list ] || list=1

# run PROGRAM OPTIONS [ARGUMENT]: its cases, in $work/cases, $work/found.
run() {
  program=$1 options=$2
  shift 2
  : > "$work/found"
  : > "$work/stacks"
  TALLY=$work/found TALLY_STACKS=$work/stacks CGC_LEAK=on:follow-children:reachable:$options \
    CGC_LEAK_PRINTER=$work/tally CGC_BAD_FREE=warn LD_PRELOAD=$library \
    timeout 120 "$program" "$@" > "$work/cases" 2> "$work/err"
}

# What must be found: at the end a block is lost that was not freed, and one
# that a variable holds is held.  A block that was freed inside is lost, too.
judge() {
  awk -v build="$1" -v list="$list" '
    NR == FNR { pid = $1; $1 = ""; found[pid] = found[pid] $0; next }
    {
      held = $3 == "global" || $3 == "far_global"
      want = $5
      if (want == "double") want = "double:111"
      if (want == "wild") want = "wild:100"
      if (want == "interior")
        want = "interior:110 " (held ? "reachable" : "lost")
      if (want == "lost" && held && $2 !~ /^fails/) want = "reachable"
      status = want ~ /lost/ ? 23 : 0
      got = substr(found[$1], 2)
      n[want]++
      if (list) print build, $2, $3, $4, got
      if (got == want && $4 == status) { ok[want]++; next }
      print build ": " $2 "_" $3 ": status " $4 ", found \"" got \
        "\", not \"" want "\""
      failed++
    }
    END {
      printf "%s:", build
      for (want in n)
        printf " %d of %d %s;", ok[want], n[want], want ? want : "clean"
      print ""
      exit failed > 0 || NR == 0
    }' "$work/found" "$work/cases" || { failed=1; tail -3 "$work/err"; }
  judge_stacks "$1" || failed=1
}

# The stack of each block that is told leads through the function of its case,
# or, where that is optimised away or in another thread, one of its kind.
judge_stacks() {
  nm -t d "$program" | grep -i ' t ' | sort -n > "$work/symbols"
  awk -v build="$1" '
    FILENAME ~ /symbols$/ { at[++n] = $1 + 0; name[n] = $3; next }
    FILENAME ~ /cases$/ {
      exact = build ~ /O0/ && $3 !~ /^thread/
      which[$1] = $2 "_" (exact ? $3 : "")
      next
    }
    {
      through = ""
      for (i = 2; i <= NF; i++) {
        lo = 1
        hi = n
        while (lo < hi) {
          mid = int((lo + hi + 1) / 2)
          if (at[mid] <= $i + 0) lo = mid
          else hi = mid - 1
        }
        through = through " " name[lo]
      }
      told++
      if (index(through, which[$1])) next
      print build ": " which[$1] " was allocated by" through
      failed++
    }
    END { exit failed > 0 || told == 0 }
  ' "$work/symbols" "$work/cases" "$work/stacks"
}

for level in -O0 -O2; do
  for compiler in gcc:g++ clang:clang++; do
    c=${compiler%:*} cxx=${compiler#*:} name=$c$level
    command -v "$c" > /dev/null 2>&1 || continue
    $c -D_GNU_SOURCE -g -w $level -c "$here/far.c" -o "$work/far.o" &&
      $c -D_GNU_SOURCE -g -w $level -pthread "$here/variants.c" "$work/far.o" \
        -o "$work/$name" || exit 99
    run "$work/$name" ''
    judge "$name"
    run "$work/$name" fail=realloc@all fail
    judge "$name, realloc fails"
    command -v "$cxx" > /dev/null 2>&1 || continue
    $cxx -g -w $level -pthread -x c++ "$here/variants.c" -x none \
      "$work/far.o" -o "$work/$name++" || exit 99
    run "$work/$name++" ''
    judge "$name, C++"
  done
done
exit $failed
