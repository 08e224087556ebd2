#!/bin/sh
# cgc leak: what it puts into the environment, and what it refuses as env(1)
# and cgc run do.
. "$(dirname "$0")/common.inc"

# The library is stood in for, so that this tests the tool alone.
echo 'int unused;' > empty.c
$CC -shared -fPIC empty.c -o empty.so || exit 99
CGC_LIBRARY=empty.so
export CGC_LIBRARY

# expect STATUS PATTERN ARGUMENT...: cgc leak ends with STATUS, and the first
# line of stderr (of stdout, when STATUS is below 125) matches PATTERN.
expect() {
  want=$1
  pattern=$2
  shift 2
  "$cgc" leak "$@" > out 2> err < /dev/null
  status=$?
  [ "$status" = "$want" ] || fail "leak $*: status $status, not $want"
  if [ "$want" -ge 125 ]; then first=$(sed 1q err); else first=$(sed 1q out); fi
  printf '%s\n' "$first" | grep -q -- "$pattern" ||
    fail "leak $*: no '$pattern' in '$first'"
  [ "$want" -lt 125 ] || [ ! -s out ] || fail "leak $*: writes on stdout"
}

script() {
  printf '%s\n' "$2" > "$1"
  chmod +x "$1"
}

# shellcheck disable=SC2016
script show 'echo "$CGC_LEAK $CGC_LEAK_PRINTER $LD_PRELOAD ${CGC_FREE-}"'
script seven '#!/bin/sh
exit 7'
echo 'leak:x' > rules

# What it sets.
expect 0 "^on:pid=[0-9]* $cgc $work/empty.so *\$" ./show
expect 0 '^on:reachable:full:exit-code=3:follow-children:pid=' \
  --reachable --full --exit-code 3 --follow-children -- ./show
expect 0 "^on:json=$work/a.json:html=$work/b c.html:pprof=/tmp/%p:pid=" \
  --json=a.json --html 'b c.html' --pprof=/tmp/%p ./show
[ -f a.json ] || fail '--json makes no file'
expect 0 "^on:folded=$work/a.:b:report-to=$work/x:pid=" \
  --folded a:b --output x ./show
expect 0 "^on:json=-:suppress=$work/rules:gen-suppressions:pid=" \
  --json --suppress rules --gen-suppressions ./show
expect 0 '^on:signal=USR2:period=300:pid=' --signal sigusr2 --period 5m ./show
expect 0 '^on:fail=malloc@3,any@10%,realloc@all:pid=' \
  --fail=malloc@3,any@10%,realloc@all ./show
expect 0 ' ignore$' --set CGC_FREE=ignore ./show
CGC_LEAK_PRINTER=/x/cgc expect 0 '^on:pid=[0-9]* /x/cgc ' ./show
expect 7 '' ./seven
expect 0 '^cgc leak ' --version
expect 0 '^usage: cgc leak' --help
"$cgc" leak --help > out
[ "$(wc -l < out)" -le 28 ] || fail '--help is longer than a screen'
[ "$(awk 'length > 79' out)" = '' ] || fail '--help is wider than a screen'

# 125: the caller's mistakes, in one line.
expect 125 'unrecognized option' --nosuch ls
expect 125 'no program given'
expect 125 '--exit-code=256: write a number' --exit-code=256 ls
expect 125 '--exit-code=x: write a number' --exit-code=x ls
expect 125 '--signal=NOSUCH: no such signal' --signal=NOSUCH ls
expect 125 '--period=0: write seconds' --period=0 ls
expect 125 '--period=5x: write seconds' --period=5x ls
expect 125 '--json=/nowhere/x: No such file' --json=/nowhere/x ls
expect 125 "no option called 'CGC_NOSUCH'" --set CGC_NOSUCH=1 ls
for wrong in malloc malloc@ malloc@0 malloc@x free@1 malloc@101% any@all,; do
  expect 125 "--fail=$wrong: write CALL@NUMBER" --fail=$wrong ls
done
expect 125 '--each-failure=free: write malloc' --each-failure=free ls
CGC_LIBRARY=nowhere.so expect 125 'CGC_LIBRARY=nowhere.so: No such file' ls

# 127 and 126: no program, or not for us.
expect 127 'nosuchprogram: No such file' nosuchprogram
expect 126 'Permission denied' ./empty.c
echo 'int main(void) { return 0; }' > main.c
if $CC -static main.c -o static 2> /dev/null; then
  expect 126 'linked statically' ./static
  expect 126 'linked statically' --each-failure ./static
fi
if [ "$(id -u)" = 0 ] && $CC main.c -o main && chown nobody main &&
  chmod 4755 main; then
  expect 126 'more rights' ./main
fi

# cgc itself, which "cgc run" executes, needs no library but libc.
if command -v ldd > /dev/null; then
  ldd "$cgc" > out
  says_not out 'libdw\|libelf'
fi

exit $failed
