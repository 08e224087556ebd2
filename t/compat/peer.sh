#!/bin/sh
# The tests of <gc.h> on bdwgc's own library, which proves that they ask for
# the contract and not for what libcgc happens to do.
set -u
peer=/usr/lib/x86_64-linux-gnu
if [ ! -e "$peer/libgc.so.1" ]; then
  echo "SKIP: no libgc.so.1 in $peer"
  exit 77
fi
cd "${top_builddir:-.}" || exit 99
failed=0
for program in t/compat/.libs/*; do
  case $program in *.*.* | *.o) continue ;; esac
  [ -x "$program" ] || continue
  if ! LD_LIBRARY_PATH=$peer "$program" > t/compat/peer.out 2>&1; then
    echo "== $program"
    grep "^not ok" t/compat/peer.out
    failed=1
  fi
done
exit $failed
