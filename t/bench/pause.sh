#!/bin/bash
# How long a program on a collector is held up: t/bench/pause with libgc, as it
# is and incremental, and with libcgc in each mode; medians of ROUNDS (5) runs,
# by turns.  MIB (256) is the live heap, SECONDS_EACH (6) the length of a run.
. "$(dirname "$0")/common.inc"
need_library "$peer_gc"
rounds=${ROUNDS:-5}
mib=${MIB:-256}
seconds=${SECONDS_EACH:-6}

# NAME LIBRARY VARIABLE=VALUE...: what is measured
rows() {
  echo "noise $lib/libcgc.so CGC_PERCENT=0"
  echo "libgc $peer_gc GC_MARKERS=1"
  echo "libgc-incremental $peer_gc GC_MARKERS=1 GC_ENABLE_INCREMENTAL=1"
  for mode in stw incremental concurrent; do
    echo "libcgc-$mode $lib/libcgc.so CGC_MODE=$mode"
  done
}

for ((round = 0; round < rounds; round++)); do
  rows | while read -r name library variables; do
    # shellcheck disable=SC2086
    env $variables "$bin/pause" "$library" "$mib" "$seconds" \
      >> "$work/$name" || exit 1
  done || exit 1
done

# The median of column $2 of file $1.
median() {
  awk -v c="$2" '{ print $c }' "$1" | sort -g |
    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

heading "Stalls, $mib MiB live, one thread"
echo "Microseconds for one operation; medians of $rounds runs of $seconds s."
echo
echo "| | Mop/s | p50 | p99 | p99.9 | p99.99 | longest | collections |"
echo "|---|---|---|---|---|---|---|---|"
rows | while read -r name _; do
  printf '| %s | %s |' "$name" \
    "$(median "$work/$name" 1 | awk '{ printf "%.2f", $1 / 1e6 }')"
  for column in 2 3 4 5 6 7; do
    printf ' %s |' "$(median "$work/$name" "$column")"
  done
  echo
done
