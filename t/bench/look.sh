#!/bin/sh
# SPDX-License-Identifier: MIT
# cgc heap on a large heap: a process, and a core file of it.
#
#   look.sh
#
# MILLIONS (20) of blocks; ROUNDS (3) of each analysis.
. "$(dirname "$0")/common.inc"
millions=${MILLIONS:-20}
rounds=${ROUNDS:-3}

# A row: NAME TARGET [WHAT]
row() {
  name=$1
  shift
  : > "$work/figures"
  for _ in $(seq "$rounds"); do
    MEASURE_OUT=$work/figures "$bin/measure" "$top_builddir/cgc" heap "$@" \
      > /dev/null 2>&1
  done
  line=$(sort -n -k2 "$work/figures" | sed -n "$(((rounds + 1) / 2))p")
  echo "$line" | awk -v name="$name" -v what="${2:-summary}" '{
    printf "| %-7s | %-10s | %6.1f | %6.1f | %8.0f | %s |\n",
      name, what, $2, $3 + $4, $5 / 1024, $6 }'
}

mkfifo "$work/input" || exit 1
"$top_builddir/cgc" run "$bin/look" "$millions" < "$work/input" \
  > "$work/says" &
exec 4> "$work/input" # its end comes when this script ends
while kill -0 $! 2> /dev/null && ! grep -q ready "$work/says"; do sleep 1; done
pid=$(awk '/^ready/ { print $2 }' "$work/says")
[ -n "$pid" ] || exit 1

heading "cgc heap: $millions million blocks"
"$top_builddir/cgc" heap "$pid" |
  awk '/^in objects/ { sub("^in objects  *", ""); print "In objects: " $0 "." }'
echo "Medians of $rounds."
echo
echo '| target  | what       | wall s |  CPU s | peak MiB | status |'
echo '|---------|------------|-------:|-------:|---------:|--------|'
for what in '' histogram leaks top; do
  # shellcheck disable=SC2086 # nothing is the summary
  row process "$pid" $what
done
command -v gdb > /dev/null || exit 0
gdb -batch -nx -p "$pid" -ex "gcore $work/core" > /dev/null 2>&1
for what in '' histogram leaks top; do
  # shellcheck disable=SC2086
  row core "$work/core" $what
done
