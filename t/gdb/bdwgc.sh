#!/bin/sh
# libgc.so.1 from gdb: GC_gcollect and its brothers, called at any stop, collect
# or say why not, as GC_collect does; and the commands work as with libcgc.so.
. "$(dirname "$0")/../shell.inc"
need_gdb
victim=$top_builddir/t/gdb/.libs/bdwgc
[ -x "$victim" ] || victim=$top_builddir/t/gdb/bdwgc
LD_LIBRARY_PATH=$top_builddir/.libs
LIBCGC_HEAP_TOOL=$top_builddir/cgc-heap
export LD_LIBRARY_PATH LIBCGC_HEAP_TOOL

# debug ARGUMENT...: to the end of the program.
debug() {
  timeout 100 gdb -batch -nx -iex 'set auto-load off' \
    -ex 'set debuginfod enabled off' -ex 'set breakpoint pending on' "$@" \
    -ex 'delete' -ex 'continue' "$victim" > log 2>&1 < /dev/null
}
script="source $top_srcdir/tools/gdb/libcgc-gdb.py"

debug -ex "$script" -ex 'break in_user_code' -ex 'run' \
  -ex 'echo <plain>' -ex 'call (void)GC_gcollect()' \
  -ex 'echo <unmap>' -ex 'call (void)GC_gcollect_and_unmap()' \
  -ex 'echo <try>' -ex 'call (int)GC_try_to_collect(0)' \
  -ex 'echo <command>' -ex 'gc collect' -ex 'gc request' -ex 'gc dump' \
  -ex 'echo <info>' -ex 'gc info' -ex 'continue' \
  -ex 'echo <disabled>' -ex 'call (int)GC_try_to_collect(0)'
answers '<plain>.*collected: ' '<unmap>.*collected: ' '<try>.*collected: ' \
  ' = 1' '<command>.*collected' 'asked for' '<info>.*library' \
  '<disabled>.*GC_disable is in force' ' = 0' 'cells 2000 collections [5-9]'

# Inside the allocator: a reason, and what can be said instead.
debug -ex "$script" -ex 'tbreak in_user_code' -ex 'run' \
  -ex 'tbreak cgc_cache_refill' -ex 'continue' \
  -ex 'echo <inside>' -ex 'call (void)GC_gcollect()' \
  -ex 'call (int)cgc_debug_request(1)'
answers '<inside>.*inside the allocator' 'cgc_debug_request(1)' ' = 0' \
  'cells 2000 collections [1-9]'

# Registers that gdb keeps to itself are not told without the script.
debug -ex 'tbreak in_user_code' -ex 'run' \
  -ex 'echo <untold>' -ex 'call (void)GC_gcollect()'
answers '<untold>.*when the program next allocates' \
  'cells 2000 collections [1-9]'
exit $failed
