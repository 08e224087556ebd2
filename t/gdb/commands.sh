#!/bin/sh
# The gdb commands: loaded by themselves from the library, without debug
# information of it, on a process and on a core, against a program whose heap is
# known; and installed under the name that gdb looks for.
. "$(dirname "$0")/../shell.inc"
need_gdb
victim=$top_builddir/t/gdb/victim

# debug ARGUMENT...: gdb, which may load what the library brings.
debug() {
  timeout 100 gdb -batch -nx -iex "set auto-load safe-path $top_builddir:$work" \
    -ex 'set debuginfod enabled off' -ex 'set breakpoint pending on' "$@" > log 2>&1 < /dev/null
}

debug -ex "set environment LD_PRELOAD $library" -ex 'break fgets' -ex 'run' \
  -ex 'up' -ex 'echo <info>' -ex 'gc info' -ex 'echo <addr>' \
  -ex 'gc addr list_head' -ex 'echo <why>' -ex 'gc why list_head->next->next' \
  -ex 'echo <dom>' -ex 'gc dominators list_head' -ex 'echo <top>' \
  -ex 'gc top -limit=3' -ex 'echo <leaks>' -ex 'gc leaks -new' \
  -ex 'gc leaks -new' -ex 'echo <objects>' \
  -ex 'gc objects -state=lost -limit=2' -ex 'gc foreach print $gc_size($gc)' \
  -ex 'print $gc_base($gc1) == $gc1' -ex 'print $gc_live(list_head)' \
  -ex 'echo <refs>' -ex 'gc refs -from list_head' -ex 'echo <map>' \
  -ex 'gc map' -ex 'echo <rest>' -ex 'gc spans' -ex 'gc roots' \
  -ex 'gc threads' -ex 'gc check' -ex 'echo <core>' -ex 'gcore core' \
  -ex 'gc diff core' -ex 'echo <call>' -ex 'gc collect' -ex 'gc leaks' \
  -ex 'gc leakcheck' -ex 'gc request' -ex 'gc dump' -ex 'kill' "$victim"
answers '<info>.*library .*malloc is replaced' '<addr>.*112 bytes scan live' \
  '<why>list_head' '-> .*at +0 -> .*at +0 -> ' '<dom>.* 336  *3  *112 ' \
  '<top>.*many (victim)' '<leaks>.*5 objects lost since' \
  '0 objects lost since' '<objects>.* = 112 .* = 112 .* = 1 .* = 1 ' \
  '<refs>.*exact' '<map>0x' 'a cell is' '<rest>ADDRESS' 'ADDRESS' \
  'THREAD' 'consistent' '<core>.*KEPT BY' '<call>' 'collected' \
  ' 0 objects lost' 'leaks are not looked for' 'asked for' 'heap 0x'

debug -ex 'echo <info>' -ex 'gc info' -ex 'gc leaks' -ex 'gc collect' \
  "$victim" core
answers '<info>.*(core)' '5 objects lost' 'needs a process'

# A program that notes its blocks reports them when it allocates.
debug -ex "set environment LD_PRELOAD $library" -ex 'set environment CGC_LEAK on' \
  -ex "set environment CGC_LEAK_PRINTER $top_builddir/cgc" \
  -ex "set startup-with-shell off" \
  -ex 'break fgets' -ex 'run' -ex 'gc leakcheck' -ex 'gc profile heap.pb.gz' \
  -ex 'gc histogram -by=stack -limit=2' -ex 'delete' \
  -ex 'continue' "$victim"
answers 'reported when the program next allocates' '#0 make (victim.c'
[ -s heap.pb.gz ] || fail 'no profile'

# Installed under the name of the file, not of a link to it.
mkdir -p to/man || exit 99
${MAKE:-make} -s -C "$top_builddir" install-data-hook DESTDIR="$work/to" \
  man3dir=/man libdir=/lib datadir=/share > log 2>&1
for link in "$top_builddir"/.libs/libcgc.so "$library"; do
  name=$(basename "$(readlink -f "$link")")-gdb.py
  [ -s "to/share/gdb/auto-load/lib/$name" ] || fail "no $name"
done
exit $failed
