/* SPDX-License-Identifier: MIT */
#include "front/printer.h"

#include "base/log.h"
#include "heap/meta.h"
#include "look/module.h"
#include "look/stack.h"
#include "os/process.h"
#include "os/thread.h"
#include "where.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  HIGH_FD = 1000,
  TRIES = 16,
  MALFORMED = 125, /* the printer's status for a report it can't read */
  LINE_BYTES = 512
};

static struct {
  char **env;             /* own memory */
  char program[PATH_MAX]; /* const after init */
  const char *path;       /* of the printer */
  char file[PATH_MAX];    /* of the raw report under way */
  unsigned nfiles;
  int fd;                     /* copy of stderr, -1: none */
  struct stat file_of_stderr; /* what the copy is of */
} printer = {.fd = -1};

static long raw(long n, long a, long b, long c, long d) {
  return cgc_syscall(n, a, b, c, d, 0, 0);
}

/* ---- The environment ----------------------------------------------------- */

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static bool is_for_printer(const char *variable) {
  if (begins(variable, "CGC_"))
    return begins(variable, "CGC_LEAK=");
  return !begins(variable, "LD_PRELOAD=") && !begins(variable, "LD_AUDIT=");
}

static char *copy(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *kept = cgc_meta_alloc(bytes);
  return kept ? memcpy(kept, text, bytes) : NULL;
}

static const char *variable(const char *name) {
  for (char **v = printer.env; *v; v++)
    if (begins(*v, name))
      return *v + strlen(name);
  return NULL;
}

static const char *find_printer(char *const *env) {
  for (; *env; env++)
    if (begins(*env, "CGC_LEAK_PRINTER="))
      return copy(*env + strlen("CGC_LEAK_PRINTER="));
  return CGC_BINDIR "/cgc";
}

bool cgc_printer_init(char *const *env) {
  size_t n = 0, kept = 0;
  while (env[n])
    n++;
  printer.env = cgc_meta_alloc((n + 1) * sizeof *printer.env);
  for (size_t i = 0; printer.env && i < n; i++)
    if (is_for_printer(env[i]) && !(printer.env[kept++] = copy(env[i])))
      return false;
  raw(SYS_readlink, (long)"/proc/self/exe", (long)printer.program,
      sizeof printer.program - 1, 0);
  printer.path = printer.env ? find_printer(env) : NULL;
  return printer.path != NULL;
}

const char *cgc_printer_program(void) { return printer.program; }

/* ---- stderr -------------------------------------------------------------- */

/* As high as the limit lets it be: out of the way of programs that count. */
void cgc_printer_keep_stderr(void) {
  struct rlimit limit = {HIGH_FD, HIGH_FD};
  raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
  long high = (long)cgc_min(limit.rlim_cur, HIGH_FD) - 8;
  long fd = raw(SYS_fcntl, 2, F_DUPFD_CLOEXEC, high > 2 ? high : 3, 0);
  if (fd >= 0 && raw(SYS_fstat, fd, (long)&printer.file_of_stderr, 0, 0) == 0)
    printer.fd = (int)fd;
}

int cgc_printer_stderr(void) {
  struct stat now;
  if (printer.fd >= 0 && raw(SYS_fstat, printer.fd, (long)&now, 0, 0) == 0 &&
      now.st_dev == printer.file_of_stderr.st_dev &&
      now.st_ino == printer.file_of_stderr.st_ino)
    return printer.fd;
  return 2;
}

/* ---- The raw file -------------------------------------------------------- */

int cgc_printer_open(void) {
  const char *dir = variable("TMPDIR=");
  long fd = -EEXIST;
  printer.nfiles++;
  for (int i = 0; i < TRIES && fd == -EEXIST; i++) {
    cgc_log_format(printer.file, sizeof printer.file, "%s/cgc-leak.%d.%u.%06x",
                   dir && *dir ? dir : "/tmp", cgc_thread_pid(), printer.nfiles,
                   (unsigned)(cgc_thread_now_ns() & 0xffffff));
    fd = raw(SYS_open, (long)printer.file,
             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, 0);
  }
  return (int)fd;
}

int cgc_printer_run(int fd, int err, const struct cgc_groups *groups) {
  char *const argv[] = {(char *)(uintptr_t) "cgc", (char *)(uintptr_t) "leak",
                        (char *)(uintptr_t) "--print", printer.file, NULL};
  raw(SYS_close, fd, 0, 0, 0);
  if (!err)
    err =
        cgc_process_run(printer.path, argv, printer.env, cgc_printer_stderr());
  if (err >= 0 && err != MALFORMED)
    return err;
  raw(SYS_unlink, (long)printer.file, 0, 0, 0);
  return groups ? cgc_printer_fall_back(groups) : 0;
}

/* ---- Without the printer ------------------------------------------------- */

static void say(const char *fmt, ...) CGC_PRINTF(1, 2);
static void say(const char *fmt, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, fmt);
  size_t n = cgc_log_vformat(line, sizeof line, fmt, args);
  va_end(args);
  raw(SYS_write, cgc_printer_stderr(), (long)line, (long)n, 0);
}

static void say_stack(uint32_t id) {
  const struct cgc_frame *frames = NULL;
  size_t n = cgc_stack_frames(id, &frames);
  for (size_t i = 0; i < n; i++) {
    uintptr_t call = cgc_frame_pc(frames[i]) - 1;
    unsigned number = cgc_frame_module(frames[i]);
    if (number)
      say("cgc:     #%zu %s+0x%lx\n", i, cgc_module_get(number)->path,
          call - cgc_module_get(number)->bias);
    else
      say("cgc:     #%zu 0x%lx\n", i, call);
  }
}

int cgc_printer_fall_back(const struct cgc_groups *groups) {
  struct cgc_amount lost = groups->total[CGC_CLASS_LOST];
  for (size_t i = 0; i < groups->n; i++) {
    const struct cgc_group *g = &groups->all[i];
    if (g->class != CGC_CLASS_LOST)
      continue;
    say("cgc:   %lu bytes lost in %lu blocks and %lu below them\n",
        g->heads.bytes + g->below.bytes, g->heads.objects, g->below.objects);
    say_stack(g->stack);
  }
  say("cgc: leak: %lu bytes in %lu objects (no printer: %s)\n", lost.bytes,
      lost.objects, printer.path);
  return lost.objects ? CGC_PRINTER_LOST : 0;
}
