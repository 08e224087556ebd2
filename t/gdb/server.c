/* SPDX-License-Identifier: MIT */
/* The server of cgc-gdb(7)'s example: log_out forgets the index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 6000, INDEX = 1024, PAGE = 4000 };

struct session {
  struct session *next;
  char user[16];
  char *page;
};

static struct session *open_sessions;
static struct session *by_user[INDEX];

static unsigned hash(const char *user) {
  unsigned h = 0;
  while (*user)
    h = h * 31 + (unsigned char)*user++;
  return h % INDEX;
}

static struct session *log_in(int number) {
  struct session *s = calloc(1, sizeof *s);
  if (!s || !(s->page = calloc(1, PAGE)))
    exit(1);
  snprintf(s->user, sizeof s->user, "user%d", number);
  s->next = open_sessions;
  open_sessions = s;
  by_user[hash(s->user)] = s;
  return s;
}

static void log_out(struct session *s) {
  struct session **p = &open_sessions;
  while (*p != s)
    p = &(*p)->next;
  *p = s->next;
}

static void serve(void) {
  for (int i = 0; i < SESSIONS; i++)
    log_out(log_in(i));
}

static const struct session *find(const char *user) {
  const struct session *s = by_user[hash(user)];
  return s && strcmp(s->user, user) == 0 ? s : NULL;
}

/* Where the session begins. */
static __attribute__((noinline)) void stopped(void) {
  puts(find("user1") ? "somebody" : "nobody");
}

int main(void) {
  serve();
  stopped();
  return 0;
}
