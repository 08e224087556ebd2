#!/bin/sh
# cgc run: finds the program and the library, sets the environment, passes the
# exit status on, and refuses what it can't do as env(1) does.
. "$(dirname "$0")/../shell.inc"

# expect STATUS PATTERN ARGUMENT...: cgc run ends with STATUS, and the first
# line of stderr (of stdout, when STATUS is below 125) matches PATTERN.
expect() {
  want=$1
  pattern=$2
  shift 2
  "$cgc" run "$@" > out 2> err < /dev/null
  status=$?
  [ "$status" = "$want" ] || fail "run $*: status $status, not $want"
  if [ "$want" -ge 125 ]; then first=$(sed 1q err); else first=$(sed 1q out); fi
  printf '%s\n' "$first" | grep -q "$pattern" ||
    fail "run $*: no '$pattern' in '$first'"
  [ "$want" -lt 125 ] || [ ! -s out ] || fail "run $*: writes on stdout"
}

script() {
  printf '%s\n' "$2" > "$1"
  chmod +x "$1"
}

# The library is stood in for, so that this tests the tool alone.
echo 'int unused;' > empty.c
$CC -shared -fPIC empty.c -o empty.so || exit 99
CGC_LIBRARY=empty.so
export CGC_LIBRARY

# shellcheck disable=SC2016
script show 'echo "$LD_PRELOAD ${CGC_FREE-} ${CGC_TRACE-} ${CGC_PERCENT-}"'
script named '#!/bin/sh
echo named; exit 7'
script orphan '#!/nowhere/sh'

# What it sets.
expect 0 "^$work/empty.so    *\$" ./show
expect 0 "^$work/empty.so ignore 1 50\$" \
  --free=ignore --trace --set CGC_PERCENT=50 -- ./show
expect 7 '^named$' ./named
expect 7 '^named$' env ./named
LD_PRELOAD=$work/other.so "$cgc" run ./show 2> /dev/null |
  grep -q "^$work/empty.so:$work/other.so" || fail 'LD_PRELOAD is not kept'
PATH=$work:$PATH expect 7 '^named$' named
expect 3 '' sh -c 'exit 3'
expect 0 '^cgc run ' --version
expect 0 '^CGC_' --options
expect 0 '^usage: cgc run' --help
lines=$("$cgc" run --help | wc -l)
[ "$lines" -le 24 ] || fail "--help has $lines lines"

# 125: the caller's mistakes.
expect 125 'unrecognized option' --nosuch ls
expect 125 "'often' is no value for CGC_FREE" --free=often ls
expect 125 "no option called 'CGC_NOSUCH'" --set CGC_NOSUCH=1 ls
expect 125 'NAME=VALUE' --set CGC_FREE ls
expect 125 'no program given'
CGC_LIBRARY=nowhere.so expect 125 'CGC_LIBRARY=nowhere.so: No such file' ls
CGC_LIBRARY=. expect 125 'CGC_LIBRARY=. is no shared library' ls
CGC_LIBRARY=empty.c expect 125 'CGC_LIBRARY=empty.c is no shared library' ls

# 127: nothing there.
expect 127 'nosuchprogram: No such file' nosuchprogram
expect 127 './nosuch: No such file' ./nosuch
expect 127 'interpreter /nowhere/sh: No such file' ./orphan

# 126: there, but not for us.
expect 126 'Permission denied' ./empty.c
expect 126 'Is a directory' ./
echo 'int main(void) { return 0; }' > main.c
if $CC -static main.c -o static 2> /dev/null; then
  expect 126 'linked statically' ./static
fi
$CC main.c -o main || exit 99
cp main half
printf '\001' | dd of=half bs=1 seek=4 conv=notrunc 2> /dev/null
expect 126 '32-bit' ./half
head -c 40 main > short
chmod +x short
expect 126 'no whole ELF file' ./short
cp main foreign
printf '\267' | dd of=foreign bs=1 seek=18 conv=notrunc 2> /dev/null
expect 126 'another processor' ./foreign
if [ "$(id -u)" = 0 ] && chown nobody main && chmod 4755 main; then
  expect 126 'more rights' ./main
elif [ "$(id -u)" != 0 ] && [ -u /bin/su ]; then
  expect 126 'more rights' /bin/su
fi

# A program of few MiB starts no thread, and nothing of /proc is read.
cat > few.c << 'X'
#include <stdlib.h>
int main(int argc, char **argv) {
  size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  for (size_t i = 0; i < mib << 10; i++) {
    char *volatile p = malloc(1000);
    p[0] = 1;
    if (i % 2)
      free(p);
  }
}
X
asks='^[0-9]+ +(clone|v?fork)|"/proc/'
asks_the_system() {
  strace -f -o trace -e trace=clone,clone3,fork,vfork,open,openat \
    env LD_PRELOAD="$library" ./few "$1" && grep -qE "$asks" trace
}
$CC few.c -o few || exit 99
# A library with the sanitizers in it is none for other programs.
if [ -f "$library" ] && env LD_PRELOAD="$library" ./few 2> /dev/null &&
  command -v strace > /dev/null && strace true 2> /dev/null; then
  ! asks_the_system 8 || fail "few: $(grep -E "$asks" trace)"
  asks_the_system 100 || fail 'few: 100 MiB are not collected'
fi

exit $failed
