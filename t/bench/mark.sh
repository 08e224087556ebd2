#!/bin/sh
# SPDX-License-Identifier: MIT
# The time of a full collection, libcgc against libgc, by turns.
#
#   mark.sh           each shape, with 1 and 2 markers; then whole programs
#   mark.sh --sizes   libcgc alone, by the size of the heap; then the memory
#                     that marking takes
#   mark.sh --small   libcgc alone, small heaps, 1 and 2 markers
#
# ROUNDS (7) collections of each, MIB (256) of live objects, SHAPES, SIZES in
# MiB, MARKERS (1, with --sizes).
. "$(dirname "$0")/common.inc"
need_library $peer_gc
rounds=${ROUNDS:-7}
mib=${MIB:-256}
ours=$lib/libcgc.so

# The command of program $1 on library $2 with $3 markers, rest: arguments.
with() {
  program=$1 library=$2 nmarkers=$3
  shift 3
  option=
  [ "$library" = "$peer_gc" ] || option="CGC_MARKERS=$nmarkers"
  echo "GC_MARKERS=$nmarkers $option exec $bin/$program $library $nmarkers $*"
}

# Run program $1 with the rest as arguments on both libraries with 1 and 2
# markers; the lines of turns are then w1..w4, c1..c4, n1..n4.
measure() {
  program=$1
  shift
  "$bin/turns" "$rounds" "$(with "$program" $peer_gc 1 "$@")" \
    "$(with "$program" "$ours" 1 "$@")" \
    "$(with "$program" $peer_gc 2 "$@")" \
    "$(with "$program" "$ours" 2 "$@")" > "$work/lines" || exit 1
  i=1
  while read -r wall cpu count; do
    eval "w$i=\$wall c$i=\$cpu n$i=\$count"
    i=$((i + 1))
  done < "$work/lines"
}

# A row of milliseconds: $1 the name, $2..$5 the values in ns.
row() {
  printf '| %-8s | %9s | %9s | %6s | %9s | %9s | %6s | %6s |' "$1" \
    "$(scaled "$2" 1e6 1)" "$(scaled "$3" 1e6 1)" "$(ratio "$3" "$2")" \
    "$(scaled "$4" 1e6 1)" "$(scaled "$5" 1e6 1)" "$(ratio "$5" "$4")" \
    "$(ratio "$3" "$5")"
}

columns='libgc, 1 | libcgc, 1 |  ratio |  libgc, 2 | libcgc, 2 |  ratio |   gain |'
rule='----------:|----------:|-------:|----------:|----------:|-------:|-------:|'

shapes() {
  heading "Full collection of $mib MiB, milliseconds, 1 and 2 markers"
  echo "Wall time, then CPU time; medians of $rounds, by turns. gain: libcgc's"
  echo "second marker."
  echo
  echo "| shape    | $columns"
  echo "|----------|$rule"
  for shape in ${SHAPES:-list chains random tree buffers block}; do
    measure mark "$shape" "$mib"
    row "$shape" "$w1" "$w2" "$w3" "$w4"
    echo
    row "- cpu" "$c1" "$c2" "$c3" "$c4"
    echo
  done
}

# What no marker can do without: see t/bench/bare.c.
bare() {
  heading "Bare loops over $mib MiB, milliseconds, 1 and 2 threads"
  echo "| loop     | 1 thread | 2 threads |"
  echo "|----------|---------:|----------:|"
  "$bin/bare" "$mib" "$rounds" | while read -r name one two; do
    printf '| %-8s | %8s | %9s |\n' "$name" "$one" "$two"
  done
}

whole_programs() {
  heading 'Whole programs, milliseconds'
  echo "As above; the last column is collections, libgc / libcgc, 1 marker."
  echo
  echo "| program  | $columns  collections |"
  echo "|----------|$rule-------------:|"
  for name in gcbench trees; do
    measure gcbench "$name"
    row "$name" "$w1" "$w2" "$w3" "$w4"
    printf ' %5.0f / %-5.0f |\n' "$n1" "$n2"
    row "- cpu" "$c1" "$c2" "$c3" "$c4"
    echo '               |'
  done
}

sizes() {
  heading "Full collection by size, ns per live byte, ${MARKERS:-1} marker(s)"
  echo "libcgc alone; wall time, medians of $rounds, and against the smallest."
  echo
  echo '| shape    |    MiB |        ms |   ns/byte |  ratio |'
  echo '|----------|-------:|----------:|----------:|-------:|'
  for shape in ${SHAPES:-list tree random}; do
    first=
    for size in ${SIZES:-64 256 1024 4096 8192}; do
      "$bin/turns" "$rounds" \
        "$(with mark "$ours" "${MARKERS:-1}" "$shape" "$size")" \
        > "$work/lines" || exit 1
      read -r wall cpu count < "$work/lines"
      per_byte=$(awk -v ns="$wall" -v mib="$size" \
        'BEGIN { if (ns == "-") print ns; else printf "%.4f", ns / mib / 1048576 }')
      first=${first:-$per_byte}
      printf '| %-8s | %6d | %9s | %9s | %6s |\n' "$shape" "$size" \
        "$(scaled "$wall" 1e6 1)" "$per_byte" "$(ratio "$per_byte" "$first")"
    done
  done
}

# What has to wait in a list that is longer, or an array that is wider, than
# any queue.
memory() {
  heading "Memory that marking takes, ${DEEP_MIB:-4608} and ${WIDE_MIB:-48} MiB"
  echo "Growth of the process's peak by $rounds collections after the heap was"
  echo "built: a list of 100 million nodes, an array of a million."
  echo
  echo '| shape    | markers |    MiB |   KiB more | of the heap |'
  echo '|----------|--------:|-------:|-----------:|------------:|'
  for shape in list:${DEEP_MIB:-4608} array:${WIDE_MIB:-48}; do
    for nmarkers in 1 2; do
      "$bin/turns" "$rounds" \
        "$(with mark "$ours" $nmarkers "${shape%:*}" "${shape#*:}")" \
        > "$work/lines" || exit 1
      read -r wall cpu kib < "$work/lines"
      printf '| %-8s | %7d | %6d | %10.0f | %9s %% |\n' "${shape%:*}" \
        $nmarkers "${shape#*:}" "$kib" \
        "$(awk -v k="$kib" -v m="${shape#*:}" \
          'BEGIN { printf "%.2f", k / m / 10.24 }')"
    done
  done
}

# A second marker must never cost more than it brings.
small() {
  heading 'Full collection of small heaps, milliseconds, 1 and 2 markers'
  echo "libcgc alone; wall time, medians of $rounds, by turns."
  echo
  echo '| shape    |    MiB | 1 marker | 2 markers |  ratio |'
  echo '|----------|-------:|---------:|----------:|-------:|'
  for shape in ${SHAPES:-list chains random tree buffers}; do
    for size in ${SIZES:-1 2 4 8 16 32 64}; do
      "$bin/turns" "$rounds" "$(with mark "$ours" 1 "$shape" "$size")" \
        "$(with mark "$ours" 2 "$shape" "$size")" > "$work/lines" || exit 1
      { read -r one cpu count; read -r two cpu count; } < "$work/lines"
      printf '| %-8s | %6d | %8s | %9s | %6s |\n' "$shape" "$size" \
        "$(scaled "$one" 1e6 2)" "$(scaled "$two" 1e6 2)" \
        "$(ratio "$two" "$one")"
    done
  done
}

case ${1-} in
'') shapes; echo; bare; echo; whole_programs ;;
--sizes) sizes; echo; memory ;;
--small) small ;;
*) echo "usage: mark.sh [--sizes | --small]" >&2; exit 2 ;;
esac
