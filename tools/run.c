/* SPDX-License-Identifier: MIT */
/*
 * tools/run.c - cgc run: an unmodified program on a collected heap.
 *
 * Puts the options into the environment and libcgc-malloc.so before whatever
 * LD_PRELOAD holds, then executes the program.  Nothing stays behind: the
 * process is the program, with its own pid, exit status and signals.
 */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An option that is one variable of the library. */
struct shorthand {
  const char *name;
  const char *variable;
  const char *value; /* NULL: the option's argument */
};

static const struct shorthand shorthands[] = {
    {"free", "CGC_FREE", NULL},
    {"percent", "CGC_PERCENT", NULL},
    {"memory-limit", "CGC_MEMORY_LIMIT", NULL},
    {"children", "CGC_CHILDREN", NULL},
    {"bad-free", "CGC_BAD_FREE", NULL},
    {"trace", "CGC_TRACE", "1"},
    {"verify", "CGC_VERIFY", "1"},
    {"stress", "CGC_STRESS", NULL},
    {"unaligned", "CGC_UNALIGNED", "1"},
    {"tagged", "CGC_TAGGED", "1"},
};

enum {
  NSHORTHANDS = sizeof shorthands / sizeof shorthands[0],
  OPT_SET = NSHORTHANDS,
  OPT_OPTIONS,
  OPT_HELP,
  OPT_VERSION,
  NOPTIONS,
};

static const char help[] =
    "usage: cgc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "Run an unmodified program with malloc served by a collected heap.\n"
    "\n"
    "  --free=honour|ignore   free() frees, or leaves it to the collector\n"
    "  --percent=N            collect when the live heap has grown by N %\n"
    "  --memory-limit=SIZE    soft limit of the heap: 500M, 2G\n"
    "  --children=yes|no      programs that it executes run on libcgc too\n"
    "  --bad-free=abort|warn|ignore   what a wrong free() does\n"
    "  --trace                one line on stderr for each collection\n"
    "  --unaligned, --tagged  find pointers in packed or tagged words too\n"
    "  --verify, --stress=N   check the heap; collect at every Nth slow path\n"
    "  --set NAME=VALUE       any option of cgc-env(7)\n"
    "  --options              print the table of those options\n"
    "  --help, --version\n"
    "\n"
    "Exit status: the program's; 125 cgc itself failed, 126 the program\n"
    "can't be run, 127 there is no such program.\n";

static void fill_long_options(struct option *o) {
  static const struct option others[] = {
      {"set", required_argument, NULL, OPT_SET},
      {"options", no_argument, NULL, OPT_OPTIONS},
      {"help", no_argument, NULL, OPT_HELP},
      {"version", no_argument, NULL, OPT_VERSION},
      {NULL, 0, NULL, 0},
  };
  for (int i = 0; i < NSHORTHANDS; i++) {
    o[i].name = shorthands[i].name;
    o[i].has_arg = shorthands[i].value ? no_argument : required_argument;
    o[i].flag = NULL;
    o[i].val = i;
  }
  memcpy(o + NSHORTHANDS, others, sizeof others);
}

/* Take NAME=VALUE, the argument of --set. */
static int set_variable(char *assignment) {
  char *equals = strchr(assignment, '=');
  if (!equals)
    return cgc_tool_error(CGC_EXIT_OWN, "--set %s: write NAME=VALUE",
                          assignment);
  *equals = '\0';
  return cgc_option_export(assignment, equals + 1);
}

/* Answer --help and the like, and end. */
static int answer(int option) {
  if (option == OPT_HELP)
    fputs(help, stdout);
  else if (option == OPT_VERSION)
    puts("cgc run (libcgc) " CGC_VERSION);
  else
    cgc_option_print();
  fflush(stdout);
  exit(ferror(stdout) ? CGC_EXIT_OWN : 0);
}

static int take_option(int option) {
  if (option >= 0 && option < NSHORTHANDS) {
    const struct shorthand *s = &shorthands[option];
    return cgc_option_export(s->variable, s->value ? s->value : optarg);
  }
  if (option == OPT_SET)
    return set_variable(optarg);
  if (option != '?')
    return answer(option);
  fputs("Try 'cgc run --help'.\n", stderr);
  return CGC_EXIT_OWN;
}

/* Put LIBRARY before what LD_PRELOAD holds, once. */
static int preload(const char *library) {
  const char *old = getenv("LD_PRELOAD");
  size_t len = strlen(library);
  char *list;
  int failed;
  if (strpbrk(library, ": "))
    return cgc_tool_error(CGC_EXIT_OWN,
                          "%s: LD_PRELOAD can't name a path with a blank or "
                          "a colon; set CGC_LIBRARY to another one",
                          library);
  if (old && strncmp(old, library, len) == 0 &&
      (old[len] == '\0' || old[len] == ':' || old[len] == ' '))
    return 0;
  if (asprintf(&list, "%s%s%s", library, old && *old ? ":" : "",
               old ? old : "") < 0)
    return cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM));
  failed = setenv("LD_PRELOAD", list, 1);
  free(list);
  return failed ? cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(errno)) : 0;
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

static int execute(char **argv) {
  char *library, *path;
  int status;
  path = find_program(argv[0]);
  if (!path)
    return explain(argv[0], errno);
  status = cgc_elf_check(path);
  if (status)
    return status;
  library = cgc_library_find();
  if (!library || preload(library))
    return CGC_EXIT_OWN;
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

int cgc_run_main(int argc, char **argv) {
  struct option options[NOPTIONS + 1];
  int option;
  fill_long_options(options);
  while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
    int status = take_option(option);
    if (status)
      return status;
  }
  if (optind >= argc) {
    cgc_tool_error(CGC_EXIT_OWN, "run: no program given");
    fputs("Try 'cgc run --help'.\n", stderr);
    return CGC_EXIT_OWN;
  }
  return execute(argv + optind);
}
