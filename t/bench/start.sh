#!/bin/sh
# SPDX-License-Identifier: MIT
# What a process costs that does nothing, and what stays resident after a peak.
#
#   start.sh
#
# RUNS (200) of the process, GIB (2) of the peak.
. "$(dirname "$0")/common.inc"
need_library $peer_jemalloc
need_library $peer_mimalloc
runs=${RUNS:-200}
preload=$lib/libcgc-malloc.so

start_up() {
  heading "A process that does nothing (true)"
  echo "Medians of $runs runs, by turns."
  echo
  echo '| command            |  wall µs |   cpu µs | RSS KiB |'
  echo '|--------------------|---------:|---------:|--------:|'
  "$bin/start" "$runs" true "LD_PRELOAD=$peer_jemalloc true" \
    "LD_PRELOAD=$peer_mimalloc true" "LD_PRELOAD=$preload true" \
    "$top_builddir/cgc run true" > "$work/lines" || exit 1
  for name in plain jemalloc mimalloc 'libcgc, preloaded' 'cgc run'; do
    read -r wall cpu rss
    printf '| %-18s | %8.0f | %8.0f | %7d |\n' "$name" "$wall" "$cpu" "$rss"
  done < "$work/lines"
}

# A row: NAME PRELOAD free|drop idle|release
row() {
  LD_PRELOAD=$2 "$bin/back" "$3" "$4" "${GIB:-2}" > "$work/line" || return
  read -r live peak later end < "$work/line"
  printf '| %-8s | %-4s | %-7s | %6s | %6s | %6s | %6s |\n' "$1" "$3" "$4" \
    "$live" "$peak" "$later" "$end"
}

comes_back() {
  heading "Memory that comes back after a peak of ${GIB:-2} GiB, MiB"
  echo 'Resident at the peak, when all but the live has been freed, or dropped'
  echo 'and collected; and then a second later (idle) or after'
  echo 'GC_release_memory, malloc_trim (release).'
  echo
  echo '| malloc   | how  | then    |   live |   peak |  after |    end |'
  echo '|----------|------|---------|-------:|-------:|-------:|-------:|'
  for then in idle release; do
    row glibc '' free $then
    row jemalloc $peer_jemalloc free $then
    row mimalloc $peer_mimalloc free $then
    row libcgc "$preload" free $then
    row libcgc "$preload" drop $then
  done
}

start_up
echo
comes_back
