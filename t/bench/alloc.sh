#!/bin/sh
# SPDX-License-Identifier: MIT
# The time of an allocation that dies soon, libcgc against libgc, by turns.
#
#   alloc.sh
#
# ROUNDS (5), THREADS (1 2), SIZES (16 32 64 256 1024).
. "$(dirname "$0")/common.inc"
need_library $peer_gc
rounds=${ROUNDS:-5}

# A row: SIZE scan|noscan|atomic THREADS.  noscan is cleared by libcgc.so and
# not by libgc; atomic is GC_malloc_atomic of both contracts.
row() {
  local ours=libcgc.so what=$2
  [ "$2" != atomic ] || { ours=libgc.so.1; what=noscan; }
  "$bin/turns" "$rounds" \
    "GC_MARKERS=1 exec $bin/alloc $peer_gc $1 $what $3" \
    "exec $bin/alloc $lib/$ours $1 $what $3" > "$work/lines" || exit 1
  { read -r wall1 cpu1 n1; read -r wall2 cpu2 n2; } < "$work/lines"
  printf '| %5d %-6s | %7d | %7.1f | %7.1f | %6s | %7.1f | %7.1f | %6s |' \
    "$1" "$2" "$3" "$wall1" "$wall2" "$(ratio "$wall2" "$wall1")" \
    "$cpu1" "$cpu2" "$(ratio "$cpu2" "$cpu1")"
  printf ' %5.0f / %-5.0f |\n' "$n1" "$n2"
}

heading 'One allocation, nanoseconds, collections included'
echo "Per thread; medians of $rounds, by turns. The last column is the"
echo 'collections of a round, libgc / libcgc.'
echo
echo '| size         | threads |   libgc |  libcgc |  ratio | lgc cpu | cgc cpu |  ratio |   collections |'
echo '|--------------|--------:|--------:|--------:|-------:|--------:|--------:|-------:|--------------:|'
for nthreads in ${THREADS:-1 2}; do
  for size in ${SIZES:-16 32 64 256 1024}; do
    row "$size" scan "$nthreads"
    [ "$size" != 64 ] || {
      row "$size" noscan "$nthreads"
      row "$size" atomic "$nthreads"
    }
  done
done
