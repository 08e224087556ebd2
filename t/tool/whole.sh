#!/bin/sh
# cgc leak from end to end: programs with known leaks, the library, the printed
# report.
. "$(dirname "$0")/common.inc"

cat > lossy.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct node { struct node *next; char *name; long n; };
static char *volatile kept;
__attribute__((noinline)) static struct node *push(struct node *list) {
  struct node *n = malloc(sizeof *n);
  n->next = list;
  n->name = strdup("some text of a name");
  return n;
}
__attribute__((noinline)) static void lose_list(void) {
  struct node *volatile list = NULL;
  for (int i = 0; i < 10; i++)
    list = push(list);
}
int main(int argc, char **argv) {
  kept = malloc(333);
  lose_list();
  if (argc > 1 && strcmp(argv[1], "exec") == 0)
    execl(argv[2], argv[2], (char *)NULL);
  if (argc > 1 && strcmp(argv[1], "fork") == 0 && fork() == 0)
    exit(0);
  if (argc > 1 && strcmp(argv[1], "_exit") == 0)
    _exit(3);
  return 0;
}
END
$CC -g -O1 lossy.c -o lossy || exit 99

# leak STATUS ARGUMENT...
leak() {
  want=$1
  shift
  "$cgc" leak "$@" > out 2> err
  status=$?
  [ "$status" = "$want" ] || fail "leak $*: status $status, not $want"
}
reports() { grep -c '^cgc: leak: [0-9]* bytes* in' err; }

leak 23 ./lossy
says err '^440 B lost in 1 list head (24 B direct) + 19 objects below it$'
says err '#0 push at lossy.c:8'
says err '#1 lose_list at lossy.c:16'
says err '#2 main at lossy.c:20'
says_not err 'kept'
[ "$(tail -1 err)" = 'cgc: leak: 440 bytes in 20 objects, 1 group' ] ||
  fail 'the last line is not the summary'
$CC -g -O0 lossy.c -o unoptimised || exit 99
leak 23 ./unoptimised
says err '#0 push at lossy.c:8'
says err '#1 lose_list at lossy.c:16'
says err '#2 main at lossy.c:20'
leak 23 --reachable ./lossy
says err '^333 B never freed in 1 object, held by kept in lossy$'
leak 23 ./lossy _exit
says err '(pid [0-9]*), at _exit$'
leak 0 --exit-code=0 ./lossy
echo 'leak:lose_list' > rules
leak 0 --suppress rules ./lossy
says err '440 B in  *20 objects, 1 group  leak:lose_list'
leak 3 --suppress rules ./lossy _exit
leak 23 --json=out.json --html=out.html --pprof=out.pb --folded=out.folded \
  ./lossy
says out.json '"type":"summary","bytes":440,'
says out.html '"bytes":440,'
says out.folded 'main;lose_list;push 440$'

# Children and programs that they execute report only when they are followed;
# the process itself does whatever it executes.
leak 23 ./lossy fork
[ "$(reports)" = 1 ] || fail 'a child of fork reports'
leak 0 sh -c './lossy; true'
[ "$(reports)" = 1 ] || fail 'a program that a child executes reports'
leak 23 sh -c 'exec ./lossy'
leak 0 --follow-children sh -c './lossy; true'
[ "$(reports)" = 2 ] || fail 'a child that is followed does not report'
says err '^cgc: leak: 440 bytes in 20 objects, 1 group$'

exit $failed
