#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs under glibc's malloc, jemalloc, mimalloc and libcgc, by turns: wall
# time, CPU time and peak resident memory.
#
#   malloc.sh [NAME...]      patterns of malloc/*.c and programs; all of them
#
# ROUNDS (5), SCALE (1) of the patterns.  Output under glibc is compared with
# that under the others.
. "$(dirname "$0")/common.inc"
need_library $peer_jemalloc
need_library $peer_mimalloc
rounds=${ROUNDS:-5}
patterns='small server pipeline storm lifetimes bursts large grow zeroed threads
  phases phases-runs'
programs='sqlite python-alloc python-rawmalloc lua perl gawk gcc-c redis'
names=${*:-$patterns $programs}
contenders='glibc jemalloc mimalloc libcgc'
figures=$work/figures
export MEASURE=$bin/measure

# What to preload for contender $1.  Debian's redis is linked with jemalloc, so
# glibc's malloc has to be put before that.
preload_of() {
  case $1 in
  glibc) case $2 in redis) echo libc.so.6 ;; esac ;;
  jemalloc) echo $peer_jemalloc ;;
  mimalloc) echo $peer_mimalloc ;;
  libcgc) echo "$lib/libcgc-malloc.so" ;;
  esac
}

# Run NAME once under $TARGET_PRELOAD.
run() {
  case $1 in
  phases-runs) "$MEASURE" "$bin/malloc/phases" "${SCALE:-1}" runs ;;
  gawk) bash "$top_srcdir/t/bench/malloc/gawk.sh" ;;
  *)
    if [ -f "$top_srcdir/t/bench/malloc/$1.c" ]; then
      "$MEASURE" "$bin/malloc/$1" "${SCALE:-1}"
    else
      bash "$top_srcdir/t/programs/$1.sh"
    fi
    ;;
  esac
}

# One turn: a line "NAME CONTENDER WALL CPU RSS" in the figures, RSS 0 where the
# program failed.  The client's time counts where there is one, its CPU and
# memory don't.
turn() {
  : > "$work/measured"
  TARGET_PRELOAD=$(preload_of "$2" "$1") MEASURE_OUT=$work/measured \
    timeout -k 2 120 bash -c 'run "$@"' run "$1" < /dev/null \
    > "$work/out.$2" 2> "$work/err"
  status=$?
  if [ $status = 77 ]; then
    return 1
  elif [ $status != 0 ]; then
    { echo "$1 under $2: status $status"; head -3 "$work/err"; } >&2
  elif ! cmp -s "$work/out.glibc" "$work/out.$2" && [[ $1 != phases* ]]; then
    echo "$1 under $2: the output differs from that under glibc" >&2
    status=1
  fi
  awk -v name="$1" -v who="$2" -v status=$status '
    $1 != "rss" { wall += $2 }
    $1 != "time" { cpu += $3 + $4; if ($5 > rss) rss = $5 }
    END { print name, who, wall, cpu, status ? 0 : rss }' \
    "$work/measured" >> "$figures"
  [[ $1 != phases* ]] ||
    echo "$1 $2 $(cat "$work/out.$2")" >> "$work/per_live"
}
export -f run
export bin top_srcdir

# The last figure of each contender in phases NAME, and one that it has later.
idle() {
  for contender in $contenders; do
    echo "$1 $contender $(awk -v name="$1" -v who="$contender" \
      '$1 == name && $2 == who { v = $3 } END { print v }' "$work/per_live")" \
      "$(LD_PRELOAD=$(preload_of "$contender" "$1") \
        "$bin/malloc/phases" "${SCALE:-1}" "$2" idle)" >> "$work/late"
  done
}

table() {
  awk -v contenders="$contenders" -v names="$names" '
    function median(list,    v, n, i, k, x) {
      n = split(list, v, " ")
      for (i = 2; i <= n; i++) {
        x = v[i] + 0
        for (k = i - 1; k > 0 && v[k] + 0 > x; k--) v[k + 1] = v[k]
        v[k + 1] = x
      }
      return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    # A figure of a contender, as a ratio to the first one'"'"'s.
    function cell(what, name, c,    base, value) {
      if ((name, c) in failed || (name, who[1]) in failed) return "-"
      value = median(all[what, name, c])
      base = median(all[what, name, who[1]])
      if (base <= 0 || value <= 0) return "-"
      sum[what, c] += log(value / base); count[what, c]++
      return sprintf("%.2f", value / base)
    }
    function mean(what, c) {
      return count[what, c] \
        ? sprintf("%.2f", exp(sum[what, c] / count[what, c])) : "-"
    }
    {
      if ($5 == 0) failed[$1, $2] = 1
      all["wall", $1, $2] = all["wall", $1, $2] " " $3
      all["cpu", $1, $2] = all["cpu", $1, $2] " " $4
      all["rss", $1, $2] = all["rss", $1, $2] " " $5
    }
    END {
      n = split(contenders, who, " ")
      nnames = split(names, name, " ")
      split("wall cpu rss", what, " ")
      for (i = 1; i <= nnames; i++) {
        if (!(("wall", name[i], who[1]) in all)) {
          printf "| %-16s | not there\n", name[i]
          continue
        }
        printf "| %-16s | %6.2f %6.2f %6.1f |", name[i], \
          median(all["wall", name[i], who[1]]), \
          median(all["cpu", name[i], who[1]]), \
          median(all["rss", name[i], who[1]]) / 1024
        for (w = 1; w <= 3; w++) {
          for (c = 2; c <= n; c++)
            printf " %5s", cell(what[w], name[i], who[c])
          printf " |"
        }
        printf "\n"
      }
      printf "| %-16s | %20s |", "geometric mean", ""
      for (w = 1; w <= 3; w++) {
        for (c = 2; c <= n; c++) printf " %5s", mean(what[w], who[c])
        printf " |"
      }
      printf "\n"
    }' "$figures"
}

: > "$figures"
: > "$work/per_live"
for name in $names; do
  for ((round = 0; round < rounds; round++)); do
    for contender in $contenders; do
      turn "$name" "$contender" || break 2
    done
  done
done

heading 'Programs under malloc'
cat <<'X'
glibc: seconds of wall time, of CPU time, MiB of peak resident memory. The
others as ratios to that, in the order jemalloc, mimalloc, libcgc. "-": failed.
X
echo "Medians of $rounds, by turns."
echo
echo '| program          | glibc: wall cpu  MiB |    wall je mi cgc |     cpu je mi cgc |     rss je mi cgc |'
echo '|------------------|---------------------:|------------------:|------------------:|------------------:|'
table
if [ -s "$work/per_live" ]; then
  echo
  echo 'Resident memory after the phases, and after one idle second, divided by'
  echo 'what is alive then:'
  echo
  for name in $names; do
    case $name in
    phases) idle "$name" single ;;
    phases-runs) idle "$name" runs ;;
    esac
  done
  sort "$work/late" | sed 's/^/* /'
fi
