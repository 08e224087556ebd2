#!/bin/sh
# cgc leak on demand: by a signal, a period and a call; what is new, what grows;
# and where a leak finder has a hard time: under gdb and strace, without ptrace,
# stripped, with stderr closed, with signals and threads of the program's own.
. "$(dirname "$0")/common.inc"

cat > server.c <<'END'
#include "scrub.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int GC_leak_check(void) __attribute__((weak));
static void *volatile kept[1000];
__attribute__((noinline)) static void lose(size_t size) {
  char *ptr = malloc(size);
  __asm__ volatile("" : "+r"(ptr));
  memset(ptr, 1, size);
}
__attribute__((noinline)) static void grow(int i) { kept[i] = malloc(5000); }
static void *lose_and_end(void *arg) {
  struct timespec pause = {0, 20000000};
  lose(100);
  nanosleep(&pause, NULL);
  return arg;
}
#ifndef FROM_SERVER
int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  lose(100);
  scrub(128 << 10);
  if (strcmp(what, "signal") == 0) {
    raise(SIGUSR2);
    raise(SIGUSR2);
    lose(200);
    scrub(128 << 10);
    raise(SIGUSR2);
  } else if (strcmp(what, "call") == 0) {
    printf("%d", GC_leak_check());
    lose(200);
    scrub(128 << 10);
    printf(" %d", GC_leak_check());
    printf(" %d\n", GC_leak_check());
  } else if (strcmp(what, "grow") == 0) {
    for (int i = 0; i < 6; i++) {
      grow(i);
      raise(SIGUSR2);
    }
  } else if (strcmp(what, "period") == 0) {
    time_t end = time(NULL) + 3;
    while (time(NULL) < end)
      kept[0] = realloc(kept[0], (size_t)time(NULL) % 64 + 1);
  } else if (strcmp(what, "thread") == 0) {
    pthread_t t;
    pthread_create(&t, NULL, lose_and_end, NULL);
    pthread_exit(NULL);
  } else if (strcmp(what, "default") == 0) {
    if (signal(SIGTERM, SIG_IGN) != SIG_DFL)
      return 1;
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
  } else if (strcmp(what, "closed") == 0) {
    close(2);
  } else if (strcmp(what, "all closed") == 0) {
    for (int fd = 0; fd < 1024; fd++)
      close(fd);
  }
  return 0;
}
#endif
END
$CC -g -O1 -pthread -I"$top_srcdir/t" server.c -o server || exit 99

# leak STATUS ARGUMENT...
leak() {
  want=$1
  shift
  timeout 60 "$cgc" leak "$@" > out 2> err
  status=$?
  [ "$status" = "$want" ] || fail "leak $*: status $status, not $want"
}
# summaries COUNT TEXT: so many reports end with TEXT.
summaries() {
  n=$(grep -c "^cgc: leak: $2\$" err)
  [ "$n" = "$1" ] || fail "$n reports of $2, not $1"
}

leak 23 --signal USR2 ./server signal
[ "$(grep -c '^cgc: leak: .* check [123] (request)' err)" = 3 ] ||
  fail 'not 3 requests'
summaries 2 '100 bytes in 1 object, 1 group'
summaries 2 '300 bytes in 2 objects, 2 groups'
[ "$(grep -c '^100 B lost' err)" = 2 ] || fail 'what is known is told again'
[ "$(grep -c '^200 B lost .* new$' err)" = 1 ] || fail 'what is new is not told'

leak 23 ./server call
[ "$(cat out)" = '1 2 2' ] || fail "GC_leak_check returns $(cat out)"
[ "$(grep -c 'check [123] (call)' err)" = 3 ] || fail 'GC_leak_check does not report'

leak 23 --signal USR2 ./server grow
says err 'grow at server.c'
says err '20000 B'

leak 23 --period 1s ./server period
says err 'check 1 (period)'

leak 23 ./server thread
summaries 1 '200 bytes in 2 objects, 2 groups'

leak 143 ./server default
summaries 1 '100 bytes in 1 object, 1 group'

leak 23 ./server closed
summaries 1 '100 bytes in 1 object, 1 group'
leak 23 --output=closed.txt ./server 'all closed'
says closed.txt '^cgc: leak: 100 bytes in 1 object, 1 group$'

# A container's ways to say no: a program that nobody may look into, with a
# filter against ptrace and its like, as nobody, in a user namespace.
cat > caged.c <<'END'
#define FROM_SERVER
#include "server.c"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#define REFUSE(call)                                                           \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),                             \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
static pthread_barrier_t ready;
static void *hold(void *arg) {
  void *volatile held = malloc(300);
  pthread_barrier_wait(&ready);
  for (;;)
    pause();
  return held;
}
int main(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      REFUSE(SYS_ptrace),
      REFUSE(SYS_process_vm_readv),
      REFUSE(SYS_process_vm_writev),
      REFUSE(SYS_kcmp),
      REFUSE(SYS_userfaultfd),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  pthread_t t;
  pthread_barrier_init(&ready, NULL, 2);
  pthread_create(&t, NULL, hold, NULL);
  pthread_barrier_wait(&ready);
  if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
      ptrace(PTRACE_TRACEME, 0, 0, 0) != -1)
    return 99;
  lose(100);
  scrub(128 << 10);
  return 0;
}
END
$CC -g -O1 -pthread -I"$top_srcdir/t" caged.c -o caged || exit 99
leak 23 ./caged
summaries 1 '100 bytes in 1 object, 1 group'
chmod 755 .
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all'
for as in "$nobody" 'unshare --user' 'unshare --user --map-root-user'; do
  $as "$cgc" --version > out 2> err || continue
  # shellcheck disable=SC2086 # words are meant
  timeout 60 $as "$cgc" leak ./caged > out 2> err
  status=$?
  [ $status = 23 ] || fail "$as: status $status"
  summaries 1 '100 bytes in 1 object, 1 group'
done

# Names are gone, the place in the file is not.
strip -s server -o stripped
leak 23 ./stripped
says err '#0 stripped+0x[0-9a-f]*$'

# A hundred thousand stacks: the largest are listed, the rest is summed up.
cat > many.c <<'END'
#include <stdlib.h>
static char *volatile last;
static void one(unsigned bits, int n);
__attribute__((noinline)) static void zero(unsigned bits, int n) {
  if (n > 0)
    (bits & 1 ? one : zero)(bits >> 1, n - 1);
  else
    last = malloc(bits + 1);
  __asm__ volatile("");
}
__attribute__((noinline)) static void one(unsigned bits, int n) {
  if (n > 0)
    (bits & 1 ? one : zero)(bits >> 1, n - 1);
  else
    last = malloc(bits + 2);
  __asm__ volatile("" : : : "memory");
}
int main(void) {
  for (unsigned i = 0; i < 100000; i++)
    zero(i, 17);
  last = NULL;
  return 0;
}
END
$CC -g -O1 -fno-optimize-sibling-calls many.c -o many || exit 99
leak 23 ./many
says err '^cgc: leak: [0-9]* bytes in 100000 objects, 100000 groups$'
says err '^... and 99980 smaller groups: '
[ "$(grep -c ' lost in ' err)" = 20 ] || fail 'not 20 groups are listed'

# Nothing needs ptrace, whoever has it.
if command -v gdb > /dev/null; then
  gdb -batch -iex 'set startup-with-shell off' -ex 'handle SIG33 nostop noprint' \
    -ex run --args "$cgc" leak ./server > out 2> err
  says err '^cgc: leak: 100 bytes in 1 object, 1 group$'
fi
if command -v strace > /dev/null && strace true 2> /dev/null; then
  strace -f -o trace "$cgc" leak ./server 2> err
  summaries 1 '100 bytes in 1 object, 1 group'
  says_not trace 'ptrace('
fi

exit $failed
