/* SPDX-License-Identifier: MIT */
#include "os/cgroup.h"

#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

enum { NUMBER_MAX = 32 };

/* Version 1 says so much where there is none, but for the last page. */
static const size_t unlimited = (size_t)1 << 62;

/* No errno, no cancellation point. */
static long raw(long n, long a, long b, long c) {
  return cgc_thread_syscall(n, a, b, c, 0, 0, 0);
}

/* The beginning of a file as a string; an empty one if there is none. */
static void read_text(const char *path, char *text, size_t size) {
  size_t len = 0;
  long n = 0;
  long fd = raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    while (len < size - 1 && ((n = raw(SYS_read, fd, (long)(text + len),
                                       (long)(size - 1 - len))) > 0 ||
                              n == -EINTR))
      len += n > 0 ? (size_t)n : 0;
    raw(SYS_close, fd, 0, 0);
  }
  text[len] = '\0';
}

/* "max", a number too big and no number at all are no limit. */
static size_t limit_in(const char *path) {
  char text[NUMBER_MAX];
  size_t n = 0;
  read_text(path, text, sizeof text);
  for (const char *p = text; *p >= '0' && *p <= '9' && n < unlimited; p++)
    n = n * 10 + (size_t)(*p - '0');
  return n < unlimited ? n : 0;
}

static size_t lesser(size_t a, size_t b) {
  return a == 0 || b == 0 ? cgc_max(a, b) : cgc_min(a, b);
}

/* A group's directory: ROOT, and LEN bytes of GROUP. */
struct place {
  const char *sys, *root, *group;
  size_t len;
};

static bool append(char *path, size_t *at, const char *s, size_t len) {
  if (*at + len >= sizeof((struct cgc_cgroup *)0)->path)
    return false;
  memcpy(path + *at, s, len);
  *at += len;
  path[*at] = '\0';
  return true;
}

static size_t limit_at(struct cgc_cgroup *work, const struct place *place,
                       const char *file) {
  size_t at = 0;
  bool fits = append(work->path, &at, place->sys, strlen(place->sys)) &&
              append(work->path, &at, place->root, strlen(place->root)) &&
              append(work->path, &at, place->group, place->len) &&
              append(work->path, &at, file, strlen(file));
  return fits ? limit_in(work->path) : 0;
}

/* Of the group and those above it, its root included. */
static size_t limit_from(struct cgc_cgroup *work, struct place place,
                         const char *file) {
  size_t limit = 0;
  for (;;) {
    limit = lesser(limit, limit_at(work, &place, file));
    if (place.len == 0)
      return limit;
    while (place.len > 0 && place.group[--place.len] != '/')
      ;
  }
}

static bool names_memory(const char *list, const char *end) {
  static const char word[] = "memory";
  size_t len = sizeof word - 1;
  for (const char *p = list; p + len <= end; p++)
    if (memcmp(p, word, len) == 0 && (p == list || p[-1] == ',') &&
        (p + len == end || p[len] == ','))
      return true;
  return false;
}

/* number:controllers:group, version 2 without controllers */
static size_t limit_of_line(struct cgc_cgroup *work, const char *sys,
                            const char *line, const char *eol) {
  const char *list = memchr(line, ':', (size_t)(eol - line));
  if (!list++)
    return 0;
  const char *group = memchr(list, ':', (size_t)(eol - list));
  if (!group)
    return 0;
  struct place place = {sys, "/memory", group + 1, (size_t)(eol - group - 1)};
  if (group != list)
    return names_memory(list, group)
               ? limit_from(work, place, "/memory.limit_in_bytes")
               : 0;
  place.root = "";
  return lesser(limit_from(work, place, "/memory.max"),
                limit_from(work, place, "/memory.high"));
}

size_t cgc_cgroup_memory_limit(struct cgc_cgroup *work, const char *proc,
                               const char *sys) {
  size_t limit = 0;
  read_text(proc, work->text, sizeof work->text);
  const char *line = work->text, *eol;
  for (; (eol = strchr(line, '\n')); line = eol + 1)
    limit = lesser(limit, limit_of_line(work, sys, line, eol));
  return limit;
}
