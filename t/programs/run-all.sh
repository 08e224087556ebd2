#!/bin/bash
# usage: TARGET_PRELOAD=/path/lib.so ./run-all.sh [NAME ...]
# Prints a row per program: name, ok|wrong|crash|hang|skip, wall ratio, RSS ratio
# (preload / plain glibc), plain wall s, plain RSS MiB, and a note; at the end
# the geometric means.  Fails unless every program is ok.
# Env: LIMIT (60) seconds; REPS (1) runs of each side, best wall counts;
# BASE (cache dir of the plain results), KEEP (dir for the other outputs).
here=$(cd "$(dirname "$0")" && pwd)
LIMIT=${LIMIT:-60}; REPS=${REPS:-1}
BASE=${BASE:-${TMPDIR:-/tmp}/cgc-programs/base}; KEEP=${KEEP:-${TMPDIR:-/tmp}/cgc-programs/keep}; mkdir -p "$BASE" "$KEEP"
export MEASURE=$BASE/measure
[ -x "$MEASURE" ] || gcc -O2 -o "$MEASURE" "$here/measure.c" || exit 1
lib=${TARGET_PRELOAD:-}
if [ $# -eq 0 ]; then set -- $(cd "$here" && ls *.sh | grep -v run-all.sh | sed 's/\.sh$//'); fi
one() { # name preload prefix -> files prefix.out .err .m .rc
  local i; local best=
  for i in $(seq "$REPS"); do
    : > "$3.m$i"
    TARGET_PRELOAD=$2 MEASURE_OUT=$3.m$i timeout -k 2 "$LIMIT" bash "$here/$1.sh" > "$3.out" 2> "$3.err" < /dev/null
    echo $? > "$3.rc"
    local w; w=$(awk '$1!="rss"{s+=$2}END{printf "%.4f",s}' "$3.m$i")
    if [ -z "$best" ] || awk "BEGIN{exit !($w<$best)}"; then best=$w; cp "$3.m$i" "$3.m"; fi
    [ "$(cat "$3.rc")" = 0 ] || break
  done
}
wall() { awk '$1!="rss"{s+=$2}END{printf "%.3f",s}' "$1.m"; }
rss()  { awk '$1!="time"&&$5>m{m=$5}END{printf "%d",m}' "$1.m"; }
printf '%-16s %-6s %8s %8s %9s %9s  %s\n' program result wall-x rss-x plain-s plain-MiB note
n=0; okn=0; ratios=
for t in "$@"; do
  b=$BASE/$t
  if [ ! -s "$b.rc" ] || [ "$(cat "$b.rc")" != 0 ] || [ -n "${REBASE:-}" ]; then one "$t" "" "$b"; fi
  brc=$(cat "$b.rc")
  n=$((n+1))
  if [ "$brc" = 77 ]; then printf '%-16s %-6s %8s %8s %9s %9s  %s\n' "$t" skip - - - - "$(tail -1 "$b.out")"; continue; fi
  if [ "$brc" != 0 ]; then printf '%-16s %-6s %8s %8s %9s %9s  %s\n' "$t" BASE - - - - "plain run fails, rc=$brc"; continue; fi
  k=$KEEP/$t; one "$t" "$lib" "$k"
  rc=$(cat "$k.rc"); note=
  if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then res=hang; note="over ${LIMIT}s"
  elif grep -q 'signal\(4\|5\|6\|7\|8\|11\|31\)$' "$k.m" || grep -qi 'segmentation fault\|aborted\|core dumped\|internal compiler error\|terminated by signal\|SIGSEGV\|SIGABRT\|collecting from unknown thread' "$k.err" "$k.out"; then
    res=crash; note=$(grep -o 'signal[0-9]*$' "$k.m" | tr '\n' ' '; grep -ai 'fault\|abort\|internal compiler\|signal\|fatal\|unknown thread' "$k.err" | head -1 | cut -c1-90)
  elif ! cmp -s "$b.out" "$k.out" || [ "$rc" != 0 ]; then
    res=wrong; note="rc=$rc $(diff "$b.out" "$k.out" | grep '^>' | head -1 | cut -c1-60) $(head -1 "$k.err" | cut -c1-90)"
  elif grep -qa '^cgc: ' "$k.err" "$k.out"; then
    res=noisy; note=$(grep -ha '^cgc: ' "$k.err" "$k.out" | head -1 | cut -c1-90)
  else res=ok; okn=$((okn+1)); fi
  pw=$(wall "$b"); pr=$(rss "$b"); tw=$(wall "$k"); tr=$(rss "$k")
  wx=$(awk "BEGIN{printf \"%.2f\", ($pw>0)?$tw/$pw:0}")
  rx=$(awk "BEGIN{printf \"%.2f\", ($pr>0)?$tr/$pr:0}")
  [ $res != ok ] || ratios="$ratios$wx $rx
"
  printf '%-16s %-6s %8s %8s %9s %9s  %s\n' "$t" "$res" "$wx" "$rx" \
    "$pw" "$(awk "BEGIN{printf \"%.1f\",$pr/1024}")" "$note"
done
printf '%s' "$ratios" | awk '$1>0&&$2>0{w+=log($1);r+=log($2);n++}END{if(n)printf "geometric means: wall %.2f x, RSS %.2f x\n",exp(w/n),exp(r/n)}'
echo "passed $okn of $n"
[ "$okn" = "$n" ]
