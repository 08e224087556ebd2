#!/bin/sh
# SPDX-License-Identifier: MIT
# cgc leak against LeakSanitizer and valgrind: what each finds, what it takes
# for lost that is held, and what it costs.
#
#   leak.sh [--traps|--cost]
#
# ROUNDS (3; valgrind, which is slow, once), TOOLS (cgc lsan lsan-preload
# valgrind).
. "$(dirname "$0")/common.inc"
CC=${CC:-gcc}
cgc=$top_builddir/cgc
rounds=${ROUNDS:-3}
tools=${TOOLS:-cgc lsan lsan-preload valgrind}
sources=$top_srcdir/t/bench/leak
export CGC_LEAK_PRINTER="$cgc"

for tool in $tools; do
  case $tool in
  lsan*) need_library liblsan.so.0 ;;
  valgrind) command -v valgrind > /dev/null || {
    echo "$0: no valgrind; ./setup deps --bench installs it" >&2
    exit 1
  } ;;
  esac
done

# build NAME OPTION...: NAME, and NAME.lsan linked with LeakSanitizer.
build() {
  source=$1
  shift
  $CC -g -pthread -w "$@" "$sources/$source.c" -o "$work/$source" &&
    $CC -g -pthread -w -fsanitize=leak "$@" "$sources/$source.c" \
      -o "$work/$source.lsan" || exit 1
}

# under TOOL PROGRAM ARGUMENT...: run it; what the tool says is in $work/err.
under() {
  tool=$1 program=$work/$2
  shift 2
  case $tool in
  plain) "$program" "$@" ;;
  cgc) "$cgc" leak "$program" "$@" ;;
  lsan) "$program.lsan" "$@" ;;
  lsan-preload) LD_PRELOAD=liblsan.so.0 "$program" "$@" ;;
  valgrind) valgrind --leak-check=full "$program" "$@" ;;
  esac > /dev/null 2> "$work/err"
}

says_lost() {
  case $1 in
  cgc) grep -q '^cgc: leak: [1-9][0-9]* byte' "$work/err" ;;
  lsan*) grep -q 'ERROR: LeakSanitizer: detected memory leaks' "$work/err" ;;
  valgrind) grep -q 'definitely lost: [1-9]' "$work/err" ;;
  esac
}

# A row: OPTION TOOL
traps_row() {
  found=0 wrong=0 missed='' false=''
  for line in $list; do
    name=${line#*:}
    ( under "$2" traps "$name" ) 2> /dev/null
    if says_lost "$2"; then is=lost; else is=held; fi
    case ${line%%:*}-$is in
    lost-lost) found=$((found + 1)) ;;
    lost-held) missed="$missed $name" ;;
    held-lost) wrong=$((wrong + 1)) false="$false $name" ;;
    esac
  done
  printf '| %-3s | %-12s | %2d of %d | %2d of %d |%s |%s |\n' "$1" "$2" \
    $found "$nlost" $wrong "$nheld" "${missed:- -}" "${false:- -}"
}

traps() {
  heading 'Traps for leak finders'
  echo 'Lost blocks that are found, held ones that are called lost.'
  echo
  echo '| gcc | tool         |    found |   wrong | missed | called lost |'
  echo '|-----|--------------|---------:|--------:|--------|-------------|'
  for option in -O0 -O2; do
    build traps $option
    list=$("$work/traps" --list | tr ' ' ':')
    nlost=$(printf '%s\n' $list | grep -c ^lost)
    nheld=$(printf '%s\n' $list | grep -c ^held)
    for tool in $tools; do
      traps_row $option "$tool"
    done
  done
}

# The command line of churn under TOOL, in a shell's words.
churn_under() {
  case $1 in
  plain) echo "$work/churn" ;;
  cgc) echo "$cgc leak $work/churn" ;;
  cgc-run) echo "$cgc run $work/churn" ;;
  lsan) echo "$work/churn.lsan" ;;
  lsan-preload) echo "env LD_PRELOAD=liblsan.so.0 $work/churn" ;;
  valgrind) echo "valgrind --leak-check=full $work/churn" ;;
  esac
}

# The CPU time (s) and peak memory (KiB) of churn under TOOL.
cost_row() {
  : > "$work/figures"
  i=0 n=$rounds
  [ "$1" != valgrind ] || n=1
  while [ $i -lt "$n" ]; do
    # shellcheck disable=SC2046
    MEASURE_OUT=$work/figures "$bin/measure" $(churn_under "$1") \
      > /dev/null 2>&1
    i=$((i + 1))
  done
  awk '{print $3 + $4, $5}' "$work/figures" | sort -n |
    sed -n "$(((n + 1) / 2))p"
}

cost() {
  heading 'What finding leaks costs'
  echo 'A million blocks of 16 to 512 bytes, 200000 alive, stacks of 2 to 14'
  echo "calls; the report is included. Medians of $rounds,"
  echo 'valgrind once.'
  echo
  build churn -O2
  echo '| tool         | CPU s |     x | peak MiB |     x |'
  echo '|--------------|------:|------:|---------:|------:|'
  plain=$(cost_row plain)
  for tool in plain cgc-run $tools; do
    row=$(cost_row "$tool")
    printf '| %-12s | %5.2f | %5s | %8s | %5s |\n' "$tool" "${row% *}" \
      "$(ratio "${row% *}" "${plain% *}")" "$(scaled "${row#* }" 1024 0)" \
      "$(ratio "${row#* }" "${plain#* }")"
  done
}

case ${1-} in
--traps) traps ;;
--cost) cost ;;
*)
  traps
  echo
  cost
  ;;
esac
