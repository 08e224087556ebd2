#!/bin/bash
# usage: LIB=/path/to/dir-with-libgc.so.1 [WAYS='VAR=VALUE ...'] [REPS=N]
#        run-all.sh [CLIENT...]
# Runs programs that were built for bdwgc's libgc.so.1 on the one in LIB, in
# several ways; what they print has to be expected.out.  A row per client and
# way: ok|wrong|skip, and for the first way wall time and peak RSS as a share of
# what they are on the system's own library, in the same run (best of REPS).
# Fails unless all that ran are ok.
set -u
here=$(cd "$(dirname "$0")" && pwd)
LIMIT=${LIMIT:-300} REPS=${REPS:-1}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
[ -e "$LIB/libgc.so.1" ] || { echo "no libgc.so.1 in $LIB"; exit 99; }
[ $# -gt 0 ] || set -- $(cd "$here" && ls -d */ | tr -d /)

needs() { # the program that a client is
  case $1 in
  asymptote) echo asy ;; guile-3.0) echo guile-3.0 ;;
  libhomfly) echo /usr/include/homfly.h ;; neko) echo nekoc ;;
  *) echo "$1" ;;
  esac
}
is_there() { [ -e "$1" ] || command -v "$1" > /dev/null 2>&1; }

# Run client $1 with the environment of the other arguments; its output goes
# to $work/out, seconds and peak KiB to $work/cost.
run() {
  local client=$1; shift
  python3 - "$LIMIT" "$work/out" "$work/cost" env "$@" \
    sh "$here/$client/run.sh" 2> "$work/err" <<'PY'
import os, resource, subprocess, sys, time
limit, out, cost = float(sys.argv[1]), sys.argv[2], sys.argv[3]
began = time.time()
with open(out, "wb") as f:
    try:
        rc = subprocess.run(sys.argv[4:], stdout=f, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        rc = 124
rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
open(cost, "w").write("%.3f %d\n" % (time.time() - began, rss))
sys.exit(rc if rc >= 0 else 128 - rc)
PY
}
best() { # of REPS runs: "seconds KiB", the least of each
  for _ in $(seq "$REPS"); do
    run "$@" || { echo bad; return; }
    cmp -s "$work/out" "$here/$1/expected.out" || { echo bad; return; }
    cat "$work/cost"
  done | awk '/bad/{b=1} NR==1||$1<s{s=$1} NR==1||$2<r{r=$2}
              END{if(b)print "bad"; else print s, r}'
}

failed=0 ratios=
for client; do
  if ! is_there "$(needs "$client")"; then
    printf '%-12s skip  not installed\n' "$client"; continue
  fi
  peer=$(best "$client" LC_ALL=C.UTF-8)
  for way in ${WAYS-CGC_MARKERS=0 CGC_MARKERS=1 CGC_MARKERS=2 CGC_STRESS=20}; do
    ours=$(best "$client" LC_ALL=C.UTF-8 LD_LIBRARY_PATH="$LIB" "$way")
    if [ "$ours" = bad ]; then
      printf '%-12s wrong %-14s %s\n' "$client" "$way" \
        "$(diff "$work/out" "$here/$client/expected.out" | head -1) $(head -1 "$work/err" | cut -c1-100)"
      failed=1
      continue
    fi
    if [ "$way" = CGC_MARKERS=0 ] && [ "$peer" != bad ]; then
      row=$(echo "$ours $peer" | awk '{printf "%.2f %.2f", $1/$3, $2/$4}')
      ratios="$ratios$row
"
      printf '%-12s ok    defaults       wall %s x, RSS %s x of %s\n' \
        "$client" $row "$(echo "$peer" | awk '{printf "%.2f s, %.1f MiB", $1, $2/1024}')"
    else
      printf '%-12s ok    %s\n' "$client" "$way"
    fi
  done
done
printf '%s' "$ratios" | awk '{w+=log($1);r+=log($2);n++}
  END{if(n)printf "geometric means: wall %.2f x, RSS %.2f x\n",exp(w/n),exp(r/n)}'
exit $failed
