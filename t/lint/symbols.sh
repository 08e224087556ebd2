#!/bin/sh
# What the libraries export is t/lint/*.exports, functions only but for what
# debuggers look for (cgc_debug_*); and the floors
# below the front call neither an allocator nor stdio, which may be the
# program's own, or wait for a lock of a stopped thread.
. "$(dirname "$0")/common.inc"
need_build

check_exports() {
  file=$top_builddir/.libs/$1.so
  nm -D --defined-only "$file" | awk '{print $3}' | sort > "$work/exported"
  sed '/^#/d; /^$/d' "t/lint/$1.exports" | sort > "$work/listed"
  comm -23 "$work/exported" "$work/listed" |
    sed "s/^/$1 exports what is not listed: /"
  comm -13 "$work/exported" "$work/listed" |
    sed "s/^/$1 does not export: /"
  nm -D --defined-only "$file" | awk -v name="$1" '
    $2 !~ /^[TWi]$/ && $3 !~ /^cgc_debug_/ { printf "%s exports data: %s\n", name, $3 }'
}

forbidden='malloc|calloc|realloc|reallocarray|free|memalign|posix_memalign'
forbidden="$forbidden|aligned_alloc|strn?dup|v?asprintf|[a-z]*printf|[a-z]*scanf"
forbidden="$forbidden|f(open|close|read|write|puts|putc|gets|flush|seek|tell)"
forbidden="$forbidden|fdopen|puts|putchar|perror|getline|stdin|stdout|stderr"

check_calls() {
  for module in $(make_list MODULES); do
    case $module in
    libcgc/look/* | libcgc/front/*) continue ;;
    esac
    object=$(object_of "$module")
    [ -n "$object" ] || continue
    nm -u "$object" | awk '{print $2}' | sed 's/@.*//' |
      grep -Ex "$forbidden" | sed "s|^|$(basename "$module") calls |"
  done
}

# The loader has some 500 bytes for all libraries that dlopen brings.
check_thread_local() {
  bytes=$(readelf -lW "$top_builddir/.libs/$1.so" |
    awk '$1 == "TLS" { print $6 }')
  [ $((${bytes:-999})) -le 64 ] ||
    echo "$1 has $((bytes)) bytes of thread-local memory: dlopen fails"
}

for library in libcgc libcgc-malloc libgc; do
  [ "$library" = libgc ] || check_exports "$library"
  check_thread_local "$library"
done > "$work/complaints"
check_calls >> "$work/complaints"
verdict "$work/complaints" 'Symbols:'
