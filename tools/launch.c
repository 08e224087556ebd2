/* SPDX-License-Identifier: MIT */
/*
 * tools/launch.c - executes a program on the collected heap.
 *
 * Puts libcgc-malloc.so before whatever LD_PRELOAD holds, or the directory of
 * our libgc.so.1 before whatever LD_LIBRARY_PATH holds.  Nothing stays
 * behind: the process is the program, with its own pid, exit status and
 * signals.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Put PATH before the list that VARIABLE holds, once. */
static int put_first(const char *variable, const char *path) {
  const char *old = getenv(variable);
  size_t len = strlen(path);
  char *list;
  int failed;
  if (strpbrk(path, ": "))
    return cgc_tool_error(CGC_EXIT_OWN,
                          "%s: %s can't name a path with a blank or a colon; "
                          "set CGC_LIBRARY to another one",
                          path, variable);
  if (old && strncmp(old, path, len) == 0 &&
      (old[len] == '\0' || old[len] == ':' || old[len] == ' '))
    return 0;
  if (asprintf(&list, "%s%s%s", path, old && *old ? ":" : "", old ? old : "") <
      0)
    return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM));
  failed = setenv(variable, list, 1);
  free(list);
  return failed ? cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(errno)) : 0;
}

static int preload(void) {
  const char *library = cgc_library_find();
  return library ? put_first("LD_PRELOAD", library) : CGC_EXIT_OWN;
}

static int put_in_place(void) {
  const char *dir = cgc_library_find_compat();
  return dir ? put_first("LD_LIBRARY_PATH", dir) : CGC_EXIT_OWN;
}

/* Is there a regular file at PATH that we may execute?  Says in errno why
   not. */
static bool is_program(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0)
    return false;
  if (!S_ISREG(st.st_mode)) {
    errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
    return false;
  }
  return access(path, X_OK) == 0;
}

/* Look for NAME along PATH as execvp() does.
   returns  the path (malloc'ed), or NULL with errno set */
static char *search(const char *name) {
  const char *dirs = getenv("PATH");
  int reason = ENOENT;
  char *path;
  if (!dirs)
    dirs = "/bin:/usr/bin";
  for (;;) {
    int len = (int)strcspn(dirs, ":");
    if (asprintf(&path, "%.*s%s%s", len, dirs, len ? "/" : "", name) < 0)
      return NULL;
    if (is_program(path))
      return path;
    /* A directory that can't be searched says nothing about the program. */
    if (errno == EACCES && access(path, F_OK) == 0)
      reason = EACCES;
    free(path);
    if (dirs[len] == '\0')
      break;
    dirs += len + 1;
  }
  errno = reason;
  return NULL;
}

/* The file of the program called NAME, or NULL with errno set. */
static char *find_program(const char *name) {
  if (*name == '\0') {
    errno = ENOENT;
    return NULL;
  }
  if (!strchr(name, '/'))
    return search(name);
  return is_program(name) ? strdup(name) : NULL;
}

/* Say why NAME, an errno of exec, can't be run. */
static int explain(const char *name, int error) {
  bool missing = error == ENOENT || error == ENOTDIR;
  return cgc_tool_error(missing ? CGC_EXIT_MISSING : CGC_EXIT_CANNOT, "%s: %s",
                        name, strerror(error));
}

static int launch(char **argv, int (*prepare)(void)) {
  char *path;
  int status;
  path = find_program(argv[0]);
  if (!path)
    return explain(argv[0], errno);
  status = cgc_elf_check(path);
  if (status)
    return status;
  status = prepare();
  if (status)
    return status;
  /* With a slash in its name execvp() doesn't search, but gives a script
     without #! to the shell, as a shell and env(1) do. */
  if (!strchr(path, '/')) {
    char *local;
    if (asprintf(&local, "./%s", path) < 0)
      return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM));
    path = local;
  }
  execvp(path, argv);
  return explain(argv[0], errno);
}

int cgc_launch(char **argv) { return launch(argv, preload); }

int cgc_launch_libgc(char **argv) { return launch(argv, put_in_place); }
