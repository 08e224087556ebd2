/* SPDX-License-Identifier: MIT */
/*
 * A program to be stopped anywhere: a few threads that allocate, free, list
 * things and check that nothing of theirs was lost, start and end, handle
 * signals on an alternate stack, load a library, make vfork children.  At the
 * end it prints "sum N", always the same.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, NODES = 200, TURNS = 150, ALTSTACK = 64 << 10 };

struct node {
  struct node *next;
  uint64_t value;
  char rest[48];
};

static _Atomic int nsignals, leave;
void *altstack; /* the kernel would keep the only pointer to it */

/* Where breakpoints are set; different, or the compiler makes one of them. */
static void __attribute__((noinline)) in_user_code(void) {
  __asm__ volatile("# in_user_code");
}
static void __attribute__((noinline)) in_handler(void) {
  __asm__ volatile("# in_handler");
}
static void __attribute__((noinline)) in_thread_start(void) {
  __asm__ volatile("# in_thread_start");
}
static void __attribute__((noinline)) in_thread_end(void *unused) {
  __asm__ volatile("# in_thread_end" : : "r"(unused));
}
static void __attribute__((noinline)) in_atexit(void) {
  __asm__ volatile("# in_atexit");
}
static void __attribute__((noinline)) in_vfork_child(void) {
  __asm__ volatile("# in_vfork_child");
}

static void handler(int sig) {
  (void)sig;
  in_handler();
  nsignals++;
}

static uint64_t list_sum(int n) {
  struct node *head = NULL;
  uint64_t sum = 0;
  for (int i = 0; i < n; i++) {
    struct node *node = calloc(1, sizeof *node);
    node->next = head;
    node->value = (uint64_t)i;
    head = node;
  }
  for (struct node *node = head; node; node = node->next)
    sum += node->value;
  while (head) {
    struct node *next = head->next;
    if (head->value % 2)
      free(head);
    head = next;
  }
  free(malloc(100000));
  return sum;
}

static void *run(void *arg) {
  static pthread_key_t key;
  uint64_t *sum = arg;
  in_thread_start();
  pthread_key_create(&key, in_thread_end);
  pthread_setspecific(key, sum);
  for (int i = 0; i < TURNS; i++)
    *sum += list_sum(NODES);
  for (; !leave; usleep(300)) /* somebody is often inside the allocator */
    list_sum(NODES);
  return NULL;
}

static void take_signals(void) {
  stack_t stack = {.ss_sp = altstack = malloc(ALTSTACK), .ss_size = ALTSTACK};
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaltstack(&stack, NULL);
  sigaction(SIGUSR2, &action, NULL);
  for (int i = 0; i < 3; i++)
    raise(SIGUSR2);
}

static void make_child(void) {
  pid_t pid = vfork();
  if (pid == 0) {
    in_vfork_child();
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

int main(void) {
  pthread_t thread[THREADS];
  uint64_t sum[THREADS] = {0}, total = 0;
  atexit(in_atexit);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&thread[i], NULL, run, &sum[i]);
  take_signals();
  in_user_code();
  dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
  usleep(1000);
  make_child();
  leave = 1;
  for (int i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  for (int i = 0; i < THREADS; i++)
    total += sum[i];
  printf("sum %lu signals %d\n", (unsigned long)total, nsignals);
  return 0;
}
