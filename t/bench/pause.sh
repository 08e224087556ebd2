#!/bin/bash
# How long a program on a collector is held up: t/bench/pause with libgc, as it
# is and incremental, and with libcgc in each mode; medians of ROUNDS (5) runs,
# by turns.  MIB (256) is the live heap, SECONDS_EACH (6) the length of a run.
# ONLY names the rows that are run.  RESULTS keeps them in a directory, and the
# table is of all that are there: so it can be measured in parts.  SVG names a
# file for a picture of how many operations took how long.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.inc"
need_library "$peer_gc"
rounds=${ROUNDS:-5}
mib=${MIB:-256}
seconds=${SECONDS_EACH:-6}
results=${RESULTS:-$work}/$mib
mkdir -p "$results"

# NAME LIBRARY VARIABLE=VALUE...: what is measured
rows() {
  echo "noise $lib/libcgc.so CGC_PERCENT=0"
  echo "libgc $peer_gc GC_MARKERS=1"
  echo "libgc-incremental $peer_gc GC_MARKERS=1 GC_ENABLE_INCREMENTAL=1"
  for mode in stw incremental concurrent; do
    echo "libcgc-$mode $lib/libcgc.so CGC_MODE=$mode"
  done
  for mode in incremental concurrent; do
    echo "libcgc-$mode-young $lib/libcgc.so CGC_MODE=$mode CGC_GENERATIONAL=1"
  done
}

wanted() { rows | grep -E "^(${ONLY:-.*}) "; }

for ((round = 0; round < rounds; round++)); do
  wanted | while read -r name library variables; do
    # shellcheck disable=SC2086
    if env $variables "$bin/pause" "$library" "$mib" "$seconds" \
      "$work/histogram" >> "$results/$name"; then
      cat "$work/histogram" >> "$results/$name.histogram"
    else
      echo "$name failed" >&2
    fi
  done
done

# The median of column $2 of file $1.
median() {
  awk -v c="$2" '{ print $c }' "$1" | sort -g |
    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

measured() {
  rows | while read -r name _; do
    [ ! -s "$results/$name" ] || echo "$name"
  done
}

heading "Stalls, $mib MiB live, one thread"
echo "Microseconds for one operation; medians of" \
  "$(wc -l < "$results/$(measured | tail -1)") runs of $seconds s."
echo
echo "| | Mop/s | p50 | p99 | p99.9 | p99.99 | longest | collections |"
echo "|---|---|---|---|---|---|---|---|"
measured | while read -r name; do
  printf '| %s | %s |' "$name" \
    "$(median "$results/$name" 1 | awk '{ printf "%.2f", $1 / 1e6 }')"
  for column in 2 3 4 5 6 7; do
    printf ' %s |' "$(median "$results/$name" "$column")"
  done
  echo
done

if [ "${SVG:-}" ]; then
  # shellcheck disable=SC2046
  (cd "$results" && awk -v mib="$mib" -f "$here/pause-svg.awk" \
    $(measured | sed 's/$/.histogram/')) > "$SVG"
fi
