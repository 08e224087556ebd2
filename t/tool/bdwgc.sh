#!/bin/sh
# A program that has bdwgc for itself, with malloc replaced: what it calls by a
# name that we have, too, is bdwgc's, and both collectors do their work.
. "$(dirname "$0")/../shell.inc"
need_library
bdwgc=$(/sbin/ldconfig -p | sed -n 's/.*libgc\.so\.1 .*x86-64.* => //p' | sed 1q)
[ -n "$bdwgc" ] || skip 'no libgc.so.1'

cat > client.c << 'EOF'
#include <stdio.h>
#include <stdlib.h>

void GC_init(void);
void *GC_malloc(size_t size);
void *GC_malloc_atomic(size_t size);
size_t GC_get_gc_no(void);
unsigned GC_get_version(void);

/* A node is found through another library's half of the collector, if at all. */
struct node {
  struct node *next;
  char *text;
};

int main(void) {
  static struct node *list;
  long sum = 0;
  GC_init();
  for (int i = 0; i < 3000000; i++) {
    struct node *n = GC_malloc(sizeof *n);
    n->text = GC_malloc_atomic(16);
    snprintf(n->text, 16, "%d", i);
    n->next = i % 1000 ? list : NULL;
    list = n;
    free(malloc(64));
  }
  for (struct node *n = list; n; n = n->next)
    sum += atol(n->text);
  printf("%u %d %ld\n", GC_get_version() >> 16, GC_get_gc_no() > 3, sum);
  return 0;
}
EOF
$CC -O1 client.c -o client "$bdwgc" 2> log || fail "no client"
./client > want || fail 'the client fails by itself'
[ "$(cut -d ' ' -f 1,2 want)" = '8 1' ] || skip "libgc.so.1 says $(cat want)"
for mode in CGC_TRACE=0 CGC_STRESS=2000 CGC_MODE=concurrent; do
  env $mode LD_PRELOAD="$library" ./client > out 2> err || fail "$mode: status $?"
  cmp -s want out || fail "$mode: $(cat out), not $(cat want)"
done
exit $failed
