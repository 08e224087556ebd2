#!/bin/sh
# cgc leak of what programs do wrong: frees that free nothing, and calls that
# fail and are not looked after.
. "$(dirname "$0")/common.inc"

# leak STATUS ARGUMENT...
leak() {
  want=$1
  shift
  "$cgc" leak "$@" > out 2> err
  status=$?
  [ "$status" = "$want" ] || fail "leak $*: status $status, not $want"
}

# A wrong free has the stacks of the call, the allocation and the first free.
cat > wrong.c <<'END'
#include <stdlib.h>
static char area[40];
__attribute__((noinline)) static char *get(void) { return malloc(40); }
__attribute__((noinline)) static void drop(char *p) { free(p); }
__attribute__((noinline)) static void drop_again(char *p) { free(p); }
int main(int argc, char **argv) {
  char *p = get();
  if (argv[argc - 1][0] == 'i')
    drop(p + 8);
  if (argv[argc - 1][0] == 'w')
    drop(area + 16);
  drop(p);
  if (argv[argc - 1][0] == 'd')
    drop_again(p);
  return 0;
}
END
$CC -w -g -O1 -fno-builtin -fno-optimize-sibling-calls wrong.c -o wrong ||
  exit 99
# block BEGIN: the stack behind the line that begins so.
block() { awk -v begin="$1" 'index($0, begin) {on = 1; next}
  on && /^ *#/ {print; next} {on = 0}' err > stack; }
leak 0 --set CGC_BAD_FREE=warn ./wrong d
says err 'error: free(0x[0-9a-f]*): double free'
block '  freed here:'
says stack '#0 drop_again at wrong.c:5'
block '  the block of 40 B was allocated here:'
says stack '#0 get at wrong.c:3'
block '  and freed the first time here:'
says stack '#0 drop at wrong.c:4'
leak 134 ./wrong d
leak 0 --set CGC_BAD_FREE=warn ./wrong i
says err 'not the start of the block'
block '  the block of 40 B was allocated here:'
says stack '#0 get at wrong.c:3'
leak 0 --set CGC_BAD_FREE=warn ./wrong w
says err 'not a block of the heap'
block '  freed here:'
says stack '#0 drop at wrong.c:4'
says_not err 'allocated here'

# Calls that fail: one that is handled, one that loses, one that crashes and
# one that hangs.
cat > fragile.c <<'END'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct pair { char *a, *b; };
__attribute__((noinline)) static struct pair *make_pair(void) {
  struct pair *p = malloc(sizeof *p);
  if (!p) return NULL;
  p->a = strdup("first");
  if (!p->a) { free(p); return NULL; }
  p->b = strdup("second");
  if (!p->b) { free(p); return NULL; }
  return p;
}
__attribute__((noinline)) static char *unchecked(void) {
  char *s = malloc(100);
  s[0] = 'x';
  return s;
}
__attribute__((noinline)) static char *stubborn(void) {
  char *s = calloc(10, 10);
  while (!s) usleep(1000);
  return s;
}
int main(void) {
  struct pair *p = make_pair();
  if (p) { free(p->a); free(p->b); free(p); }
  free(unchecked());
  free(stubborn());
  return 0;
}
END
$CC -w -g -O1 -fno-builtin fragile.c -o fragile || exit 99
leak 0 ./fragile
leak 0 --fail=malloc@1 ./fragile
says err '^cgc: leak: call 1 of malloc fails$'
says err '#0 make_pair at fragile.c:6'
leak 23 --fail=malloc@3 ./fragile
says err '^6 B lost in 1 object$'
leak 23 --each-failure --timeout=1s ./fragile
says err '^lost memory when allocation call 3 failed:$'
says err '^  and lost 6 B in 1 object of$'
says err '#1 make_pair at fragile.c:8'
says err '^crashed with SIGSEGV when allocation call 4 failed:$'
says err '#0 unchecked at fragile.c:15'
says err '^hung when allocation call 5 failed:$'
says err '^cgc: leak: 5 failing calls: 2 handled, 1 crashed, 0 aborted, 1 hung, 1 lost memory$'
leak 0 --each-failure=realloc ./fragile
says err '^cgc: leak: 0 failing calls'
# The next run reports nothing that the first one does anyway.
leak 0 --each-failure=aligned ./fragile
[ ! -e /tmp/cgc-failures.* ] || fail 'directories are left behind'

exit $failed
