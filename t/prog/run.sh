#!/bin/sh
# Run the victims and say how they did, as TAP.
#
#   run.sh [GROUP|GROUP/NAME]...     GROUP: roots, notice, malloc, long; or all
#
#   VICTIMS       directory of the built victims (default: this script's)
#   CGC_PRELOAD   libcgc-malloc.so to put under them; none: plain glibc
#   VICTIM_ENV    more environment, as "CGC_STRESS=50 CGC_VERIFY=1"; under
#                 stress (here, or in CGC_STRESS itself) victims do less,
#                 2 % for each slow path from one collection to the next
#   VICTIM_JOBS   how many at a time (1)
#   VICTIM_LOSE   set: every chain is freed at once, and every victim that has
#                 one must then fail; without a preload
#
# Exit status 0 when all passed, 1 when one did not, 2 when misused.

here=$(cd "$(dirname "$0")" && pwd) || exit 2
VICTIMS=${VICTIMS:-$here}
manifest=$here/victims.txt
case " $VICTIM_ENV " in
*' CGC_STRESS='*) stress=${VICTIM_ENV##*CGC_STRESS=} stress=${stress%% *} ;;
*) stress=${CGC_STRESS:-0} ;;
esac
[ "$stress" = 0 ] || [ "$stress" -ge 50 ] ||
  VICTIM_ENV="CHAIN_PERCENT=$((2 * stress)) $VICTIM_ENV"

# Print "skip WHY", or else what was seen of the victim, and return its status.
run_one() {
  name=$1 seconds=60 expect=0 arguments= environment=$VICTIM_ENV skip=
  shift
  for word; do
    case $word in
    env=*) environment="$environment ${word#env=}" ;;
    args=*) arguments=$(echo "${word#args=}" | tr , ' ') ;;
    timeout=*) seconds=${word#timeout=} ;;
    gc) [ -n "$CGC_PRELOAD" ] || skip='needs the collector' ;;
    nostress) [ "$stress" = 0 ] || skip='under stress' ;;
    lost) [ -z "$CGC_PRELOAD" ] || expect=1 ;;
    todo) ;;
    *) echo "$manifest: unknown word $word" && return 2 ;;
    esac
  done
  [ -z "$skip" ] || { echo "skip $skip" && return 0; }
  program=$VICTIMS/${name#long/}
  [ -x "$program" ] || { echo "$program isn't built" && return 2; }
  [ "$stress" = 0 ] || seconds=$((seconds * 5))
  if [ -n "$VICTIM_LOSE" ]; then
    environment="$environment CHAIN_LOSE=1 CHAIN_PERCENT=2"
    expect=1
  fi
  # shellcheck disable=SC2086 # words are meant
  timeout -k 5 "$seconds" env -u CGC_PRELOAD \
    ${CGC_PRELOAD:+"LD_PRELOAD=$CGC_PRELOAD"} $environment \
    "$program" $arguments 2>&1 </dev/null
  status=$?
  if [ $expect = 1 ]; then
    [ $status != 0 ] && [ $status != 124 ] && return 0
    echo "nothing was lost (status $status)"
    return 1
  fi
  [ $status != 77 ] || { echo "skip this system can't" && return 0; }
  [ $status = 0 ] || echo "status $status$(
    [ $status = 124 ] && echo ", after $seconds s")"
  return $status
}

# One line of the manifest, by its number; results go to files named by it.
if [ "$1" = --one ]; then
  # shellcheck disable=SC2086
  run_one $(sed -n "$3p" "$2/list") >"$2/$3.out" 2>&1
  echo $? >"$2/$3.status"
  exit 0
fi

case ${VICTIM_LOSE:+lose}$CGC_PRELOAD in
lose?*) echo "$0: VICTIM_LOSE is for plain glibc" >&2 && exit 2 ;;
esac
[ -z "$CGC_PRELOAD" ] || [ -r "$CGC_PRELOAD" ] ||
  { echo "$0: no $CGC_PRELOAD" >&2 && exit 2; }
[ $# -gt 0 ] || set -- all

dir=$(mktemp -d "${TMPDIR:-/tmp}/victims-run.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
for group; do
  case $group in
  all) grep -v '^#' "$manifest" ;;
  */*) grep -E "^$group( |\$)" "$manifest" ;;
  *) grep "^$group/" "$manifest" ;;
  esac
done >"$dir/list"
if [ -n "$VICTIM_LOSE" ]; then # these have no chain
  grep '^roots/' "$dir/list" | grep -v -e libc_state -e sigaltstack_idle \
    -e handler_malloc -e early_malloc >"$dir/chains"
  mv "$dir/chains" "$dir/list"
fi
n=$(wc -l <"$dir/list")
[ "$n" -gt 0 ] || { echo "$0: no such victim" >&2 && exit 2; }

echo "1..$n"
export VICTIMS CGC_PRELOAD VICTIM_ENV VICTIM_LOSE
# Results are read in order while later victims still run.
seq "$n" | xargs -P "${VICTIM_JOBS:-1}" -n 1 sh "$0" --one "$dir" &
jobs=$!
failed=0 i=0
while read -r name words; do
  i=$((i + 1))
  while [ ! -s "$dir/$i.status" ] && kill -0 $jobs 2>/dev/null; do
    sleep 0.05
  done
  status=$(cat "$dir/$i.status") output=$dir/$i.out
  title="$i - $name${words:+ $words}"
  case " $words " in *' todo '*) title="$title # TODO" ;; esac
  if [ "$status" != 0 ]; then
    echo "not ok $title"
    case $title in *'# TODO') ;; *) failed=1 ;; esac
    tail -n 20 "$output" | sed 's/^/# /'
  elif grep -q '^skip ' "$output"; then
    echo "ok $title # SKIP $(sed -n 's/^skip //p' "$output")"
  else
    echo "ok $title"
  fi
done <"$dir/list"
wait
exit $failed
