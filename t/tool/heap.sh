#!/bin/sh
# cgc heap: the same answers of a process, of gcore's file and of the kernel's,
# checked against a program whose heap is known; and one clear line for what
# can't be read.
. "$(dirname "$0")/../shell.inc"
victim=$top_builddir/t/gdb/victim
pid=
trap '[ -z "$pid" ] || kill $pid 2> /dev/null; rm -rf "$work"' EXIT

wait_ready() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q '^ready' says && return
    sleep 0.2
  done
  echo 'the victim does not start'
  exit 99
}

addr() { awk -v n="$1" '$1 == n {print $2; exit}' says; }

# expect STATUS PATTERN ARGUMENT...
expect() {
  want=$1
  pattern=$2
  shift 2
  "$cgc" heap "$@" > out 2> err < /dev/null
  status=$?
  [ "$status" = "$want" ] || fail "heap $*: status $status, not $want"
  cat out err | tr '\n' ' ' | grep -q "$pattern" || fail "heap $*: no '$pattern'"
}

# What the victim is known to hold, asked of $1.
check_answers() {
  expect 0 'library  *libcgc' "$1"
  expect 0 "^$(addr deep) +0 112 bytes scan live" "$1" addr "$(addr deep)"
  expect 0 "^$(addr lost) +0 .* lost" "$1" addr "$(addr lost)"
  expect 0 "^$(addr freed) +0 .* free" "$1" addr "$(addr freed)"
  expect 0 '^list_head (victim).*-> .* at +0 -> .* at +0 -> ' \
    "$1" why "$(addr deep)"
  expect 0 '^many (victim).* at +4000 -> ' "$1" why "$(addr many)"
  expect 0 '^biased+8 (victim)  *root *-> ' "$1" why "$(addr large)"
  expect 0 '^biased+24 (victim)  *root *-> ' "$1" why "$(addr small)"
  expect 0 'biased+24 (victim)  *exact ' "$1" refs "$(addr small)"
  expect 0 '  2 biased (victim)' "$1" top
  expect 0 ' 560  *5 ends (victim)' "$1" top
  expect 0 '^stack of thread [0-9]*, sp+0x.* in worker (victim.c:' \
    "$1" why "$(addr stack)"
  expect 1 'nothing reaches it' "$1" why "$(addr lost)"
  expect 0 '5 objects lost, 560 B, under 2 heads' "$1" leaks
  expect 0 "$(addr lost)  *112  *2  *224 .*112  *1  *112 " "$1" leaks
  expect 0 '  48  *1000  *48000  *0  *0 ' "$1" histogram
  expect 0 "exact  *$(addr deep)" "$1" refs "$(addr deep)"
  expect 0 'exact .* (112 bytes' "$1" refs --from "$(addr list)"
  expect 0 'consistent' "$1" check
  expect 0 'in the program' "$1" threads
  expect 0 'DRESS .* cached by thread [1-9]' "$1" spans
  expect 0 '"leaks":\[' "$1" leaks --json
  expect 0 ' 56192  *1001 many (victim) .* 336  *3 list_head (victim)' "$1" top
  expect 0 "336  *3  *112 $(addr list)" "$1" dominators "$(addr list)"
  expect 0 " 112  *1  *112 $(addr deep) .* 336  *3  *112 $(addr list) it keeps" \
    "$1" dominators "$(addr deep)"
  expect 1 'nothing reaches' "$1" dominators "$(addr lost)"
  expect 0 'list_head (victim) .*-> ' "$1" why --all "$(addr deep)"
  expect 1 'nothing else reaches it' "$1" why --avoid=stack "$(addr stack)"
  expect 0 '^0x[0-9a-f]* *[0-9X#]' "$1" map
  expect 0 '^<svg .* of 1[0-9]* slots of 48 bytes.*</svg>' "$1" map --svg
  expect 1 'notes no stacks' "$1" histogram --by=stack
}

# Each answer is JSON, or a graph that dot would read.
check_forms() {
  for question in info spans map objects histogram leaks top roots threads check \
    "addr $(addr deep)" "refs $(addr deep)" "why $(addr deep)" \
    "why --all $(addr deep)" "dominators $(addr deep)"; do
    # shellcheck disable=SC2086
    "$cgc" heap "$1" --json $question > out 2> err ||
      fail "heap --json $question: status $?"
    ! command -v python3 > /dev/null 2>&1 || python3 -m json.tool < out > /dev/null ||
      fail "heap --json $question: no JSON"
  done
  for question in top "refs $(addr deep)" "why --all $(addr deep)" \
    "dominators $(addr deep)"; do
    # shellcheck disable=SC2086
    expect 0 "^digraph heap {.*$(addr deep).*}" "$1" --dot --limit=30 $question
  done
  expect 125 'no graph of' "$1" --dot info
  expect 125 'no picture of' "$1" --svg info
  expect 125 "there is no 'heap'" "$1" --avoid=heap info
}

# A heap that changes all the time is never taken for a damaged one.
check_churn() {
  : > says
  "$cgc" run "$top_builddir/t/gdb/churn" > says &
  pid=$!
  wait_ready
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    expect 0 'consistent' $pid check
    ! grep -q inconsist err || fail "a span is neither whole nor busy, look $i"
  done
  kill $pid
  wait $pid 2> /dev/null
  pid=
}

# A program that notes its blocks: their stacks, a profile, what is new.
check_noted() {
  : > says
  CGC_LEAK=on "$cgc" run "$victim" > says 2> /dev/null < in &
  pid=$!
  wait_ready
  expect 0 '(104 asked for) *allocated by *#0 chain (victim.c:.* *#1 make (victim.c' \
    $pid addr "$(addr lost)"
  expect 0 '(100 asked for) .*freed by *#0 make (victim.c' $pid addr "$(addr freed)"
  expect 0 '336  *3  *1 0x[0-9a-f]* *#0 chain (victim.c.*5 objects lost since' \
    $pid leaks --since=known
  expect 0 '0 objects lost since then' $pid leaks --since=known
  expect 0 '1000  *40000  *0  *0 0x[0-9a-f]* *#0 make (victim.c' \
    $pid histogram --by=stack
  expect 0 ' many (victim) .* 1000  *40000 .*#0 make (victim.c' $pid top
  expect 0 "$(addr many) " $pid objects --stack='^make ' --min=48 --max=48
  "$cgc" heap $pid profile heap.pb.gz > out 2>&1 || fail 'profile'
  gzip -dc heap.pb.gz | grep -aq 'inuse_space.*leaked_space' || fail 'no profile'
  if command -v go > /dev/null 2>&1; then
    go tool pprof -top -sample_index=leaked_space heap.pb.gz > out 2> err
    grep -q '520B.* chain' out || fail 'pprof reads another profile'
  fi
  check_forms $pid
  kill $pid
  wait $pid 2> /dev/null
  pid=
}

# Which words count in objects that say it, and which bytes where not all do.
check_described() {
  $CC -g -O1 -w -I "$top_srcdir/libcgc/compat/include" \
    "$top_srcdir/t/gdb/described.c" "$top_builddir/.libs/libgc.so" \
    -Wl,-rpath,"$top_builddir/.libs" -o described || exit 99
  : > says
  ./described "$@" > says < in &
  pid=$!
  wait_ready
  [ "$(grep -c ' no$' says)" -gt 12 ] || fail 'described: little is said'
  while read -r what block counts && [ "$what" != ready ]; do
    case $counts in
    yes) expect 0 '^kept[+0-9]* (described).* -> ' $pid why "$block" ;;
    no)
      expect 1 'nothing reaches it' $pid why "$block"
      expect 0 'KIND  *TO *nothing ' $pid refs "$block"
      ;;
    esac
  done < says
  kill $pid
  wait $pid 2> /dev/null
  pid=
}

# What each block of a random graph retains, against a search by hand.
check_graph() {
  : > says
  "$cgc" run "$top_builddir/t/gdb/graph" "$1" > says &
  pid=$!
  wait_ready
  while read -r block count && [ "$block" != ready ]; do
    expect 0 " $count  *64 $block" $pid dominators "$block"
  done < says
  kill $pid
  wait $pid 2> /dev/null
  pid=
}

mkfifo in
exec 3<> in # so that the victim's read waits
"$cgc" run "$victim" > says < in &
pid=$!
wait_ready
check_answers $pid
check_forms $pid
libc=$(awk '/libc\.so/ {sub("-.*", "", $1); print "0x" $1; exit}' /proc/$pid/maps)
expect 0 'x[0-9a-f]* libc.so.6+0x0' $pid addr "$libc"
for question in histogram roots threads spans objects; do
  expect 0 '[0-9]' $pid --limit=1 $question
  [ "$(wc -l < out)" = 2 ] || fail "$question: --limit=1 is not one row"
done
kill -0 $pid || fail 'the process is gone'
if command -v gcore > /dev/null 2>&1 && gcore -o of $pid > /dev/null 2>&1; then
  check_answers of.$pid
  expect 0 'CHANGE BYTES.*KEPT BY' of.$pid diff $pid
  head -c 3000000 of.$pid > cut
  expect 1 'cut is cut off\|cut off' cut
fi

# A span's struct that was overwritten is told and left out, the rest answered.
echo damage > in
for _ in 1 2 3 4 5 6 7 8 9 10; do
  grep -q '^damaged' says && break
  sleep 0.2
done
expect 1 "the span's pages reach out of the heap" $pid check
expect 0 'inconsistencies in the heap' $pid info
expect 0 '^many (victim).* at +4000 -> ' $pid why "$(addr many)"
expect 1 'is in no allocated block' $pid why "$(addr list)"
kill $pid
wait $pid 2> /dev/null
pid=

for seed in 1 2 3; do check_graph $seed; done
check_described
check_described strict
check_noted
check_churn

# The kernel writes into this directory, if it does at all.
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
  (
    ulimit -c unlimited
    (sleep 2; echo crash) | "$cgc" run "$victim" > says 2> /dev/null
  ) 2> /dev/null
  for core in core*; do [ ! -s "$core" ] || check_answers "$core"; done
fi

expect 1 'there is none' 99999999
expect 1 'no libcgc in this process' $$
expect 1 'neither a process id nor a core' /dev/null
expect 1 'No such file' ./nosuch
echo text > text
expect 1 'is no core file' text
expect 125 'no process or core given'
expect 125 'no command called' $$ nosuch
expect 125 'is no number' $$ addr here
exit $failed
