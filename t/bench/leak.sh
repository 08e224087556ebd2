#!/bin/sh
# SPDX-License-Identifier: MIT
# cgc leak against LeakSanitizer and valgrind: what each finds, what it takes
# for lost that is held, and what it costs.
#
#   leak.sh [--variants|--traps|--cost]
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

# The command line of PROGRAM under TOOL, in a shell's words.  A process in
# which something is lost ends with 23.
line_under() {
  case $2 in
  plain) echo "$work/$1" ;;
  cgc) echo "$cgc leak --follow-children $work/$1" ;;
  cgc-run) echo "$cgc run $work/$1" ;;
  lsan) echo "$work/$1.lsan" ;;
  lsan-preload) echo "env LD_PRELOAD=liblsan.so.0 $work/$1" ;;
  valgrind)
    echo "valgrind --leak-check=full --errors-for-leak-kinds=definite" \
      "--error-exitcode=23 $work/$1"
    ;;
  esac
}

# A row: OPTION TOOL.  The program says how each of its processes ended.
variants_row() {
  : > "$work/figures"
  # shellcheck disable=SC2046
  MEASURE_OUT=$work/figures "$bin/measure" $(line_under variants "$2") \
    > "$work/cases" 2> "$work/err"
  awk -v option="$1" -v tool="$2" '
    FILENAME ~ /figures$/ { cpu = $3 + $4; peak = $5; next }
    { kept = $3 == "global" || $3 == "far_global" }
    $5 == "lost" && !kept { nlost++; found += $4 == 23 }
    $5 == "" || ($5 == "lost" && kept) { nheld++; wrong += $4 == 23 }
    END {
      printf "| %-3s | %-12s | %3d of %d | %3d of %d | %5.1f | %8.0f |\n",
        option, tool, found, nlost, wrong, nheld, cpu, peak / 1024
    }' "$work/figures" "$work/cases"
}

variants() {
  heading 'Kinds of mistakes, each in 34 flows of the pointer'
  echo 'Of t/prog/leaks/variants.c: a process for each that loses a block, or'
  echo 'does not; those found, those called lost that are not, and what all'
  echo 'processes took.'
  echo
  echo '| gcc | tool         |      found |    wrong | CPU s | peak MiB |'
  echo '|-----|--------------|-----------:|---------:|------:|---------:|'
  sources=$top_srcdir/t/prog/leaks
  for option in -O0 -O2; do
    $CC -D_GNU_SOURCE -g -w $option -c "$sources/far.c" -o "$work/far.o" &&
      build variants $option -D_GNU_SOURCE "$work/far.o" || exit 1
    for tool in plain $tools; do variants_row $option "$tool"; done
  done
  sources=$top_srcdir/t/bench/leak
}

# A round: churn once under each tool; valgrind in the first alone.
cost_round() {
  for tool in plain cgc-run $tools; do
    case $1$tool in [!1]*valgrind) continue ;; esac
    # shellcheck disable=SC2046
    MEASURE_OUT=$work/figures.$tool "$bin/measure" \
      $(line_under churn "$tool") > /dev/null 2>&1
  done
}

# The median CPU time (s) and peak memory (KiB) of churn under TOOL.
cost_row() {
  n=$(wc -l < "$work/figures.$1")
  awk '{print $3 + $4, $5}' "$work/figures.$1" | sort -n |
    sed -n "$(((n + 1) / 2))p"
}

cost() {
  heading 'What finding leaks costs'
  echo 'A million blocks of 16 to 512 bytes, 200000 alive, stacks of 2 to 14'
  echo "calls; the report is included. Medians of $rounds, by turns;"
  echo 'valgrind once.'
  echo
  build churn -O2
  for i in $(seq "$rounds"); do cost_round "$i"; done
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
--variants) variants ;;
--traps) traps ;;
--cost) cost ;;
*)
  variants
  echo
  traps
  echo
  cost
  ;;
esac
