#!/bin/sh
# The session in cgc-gdb(7) is one that can be had: its commands, on the program
# it tells of, answer what the page says, but for numbers and addresses.
. "$(dirname "$0")/../shell.inc"
need_gdb
page=$top_srcdir/man/cgc-gdb.7

# The page's lines from each prompt to the end of its example.
session() {
  sed -n '/^\.SH EXAMPLE/,/^\.SH "SEE/p' "$page" |
    sed -n '/^(gdb)/,/^\.fi/p' | sed '/^\.fi/d; s/\\-/-/g'
}

shape() {
  sed -E '/^\[(New )?Thread/d; /^\[Switching/d; /^ *$/d; s/0x[0-9a-f]+/ADDRESS/g
    s/user[0-9]+/USER/; s/[0-9]+/N/g; s/ +/ /g' "$1"
}

session > page
session | sed -n 's/^(gdb) \(.*\)/echo (gdb) \1\\n\n\1/p' > commands
[ -s commands ] || fail 'the page has no session'
timeout 100 gdb -batch -nx -iex "set auto-load safe-path $top_builddir" \
  -ex 'set debuginfod enabled off' -ex 'set startup-with-shell off' \
  -ex "set environment LD_PRELOAD $library" -ex 'break stopped' \
  -ex 'run' -x commands "$top_builddir/t/gdb/server" > log 2>&1 < /dev/null
sed -n '/^(gdb)/,$p' log > got
shape page > page.shape
shape got > got.shape
diff page.shape got.shape > difference || {
  cat difference
  fail 'the session is not what the page says'
}
exit $failed
