/* SPDX-License-Identifier: MIT */
/*
 * tools/heap.c - cgc heap: look into the heap of a process or of a core file.
 */
#include "heap.h"

#include "heap-array.h"
#include "tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum argument { NOTHING, ADDRESS, CORE, FILE_NAME };
enum form { TABLE = 0, GRAPH = 1, PICTURE = 2, NO_TABLE = 4 };

struct command {
  const char *name;
  enum argument argument;
  unsigned forms; /* bits of enum form */
  const char *summary;
  int (*run)(struct cgc_heap_view *v);
};

static const char *const argument_names[] = {
    [NOTHING] = "",
    [ADDRESS] = "ADDRESS",
    [CORE] = "PID|CORE",
    [FILE_NAME] = "FILE",
};

static const struct command commands[] = {
    {"info", NOTHING, TABLE, "sizes, cycles, threads, state (the default)",
     cgc_heap_info},
    {"addr", ADDRESS, TABLE, "what an address is", cgc_heap_addr},
    {"refs", ADDRESS, GRAPH,
     "who points to a block (--from: to what it points)", cgc_heap_refs},
    {"why", ADDRESS, GRAPH, "a shortest way from a root to a block",
     cgc_heap_why},
    {"dominators", ADDRESS, GRAPH,
     "what alone keeps a block, and what it keeps", cgc_heap_dominators},
    {"top", NOTHING, GRAPH, "who keeps the most alive", cgc_heap_top},
    {"leaks", NOTHING, TABLE, "blocks that nothing reaches", cgc_heap_leaks},
    {"histogram", NOTHING, TABLE, "blocks by size: reached and lost",
     cgc_heap_histogram},
    {"objects", NOTHING, TABLE, "addresses of blocks", cgc_heap_objects},
    {"diff", CORE, TABLE, "what grew from here to another", cgc_heap_diff},
    {"profile", FILE_NAME, NO_TABLE, "blocks by stack, for pprof",
     cgc_heap_profile},
    {"spans", NOTHING, TABLE, "the runs of pages", cgc_heap_spans},
    {"map", NOTHING, PICTURE, "the pages, as a picture", cgc_heap_map},
    {"roots", NOTHING, TABLE, "where the collector looks for pointers",
     cgc_heap_roots},
    {"threads", NOTHING, TABLE, "threads, and what they are doing",
     cgc_heap_threads},
    {"check", NOTHING, TABLE, "is the heap consistent?", cgc_heap_check},
};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

struct cgc_graph *cgc_heap_marked(struct cgc_heap_view *v, bool ways) {
  v->graph.avoid = v->options.avoid;
  if (!v->is_marked)
    cgc_graph_mark(&v->graph, &v->image, ways);
  cgc_progress_end();
  v->is_marked = true;
  return &v->graph;
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < NCOMMANDS; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

static void print_help(FILE *out) {
  fputs("usage: cgc heap [OPTION]... PID|CORE [COMMAND [ARGUMENT]]\n"
        "Look into the collected heap of a process or of a core file.\n\n",
        out);
  for (size_t i = 0; i < NCOMMANDS; i++)
    fprintf(out, "  %-10s %-9s %s\n", commands[i].name,
            argument_names[commands[i].argument], commands[i].summary);
  fputs("\n  --json          machine-readable\n"
        "  --dot           refs, why, dominators, top: as a graph for dot(1)\n"
        "  --svg           map: as a picture\n"
        "  --limit=N       rows at most\n"
        "  --min=N, --max=N, --state=live|lost|free, --stack=REGEX\n"
        "                  objects, spans: which\n"
        "  --by=stack      histogram: by who allocated them, where noted\n"
        "  --sort=free     spans: those with the most free bytes first\n"
        "  --from          refs: outgoing ones\n"
        "  --all           why: a way by each block that points to it\n"
        "  --avoid=stack   why: ways that no thread's stack begins\n"
        "  --since=FILE    leaks: those that FILE does not list; then it does\n"
        "  --registers=F   of a process that a debugger holds: its registers\n"
        "  --help, --version\n"
        "\nExit status: 0; 1 nothing found, or the target can't be read; "
        "125 usage.\n",
        out);
}

enum {
  OPT_JSON,
  OPT_DOT,
  OPT_SVG,
  OPT_BY,
  OPT_SORT,
  OPT_STACK,
  OPT_SINCE,
  OPT_FROM,
  OPT_ALL,
  OPT_AVOID,
  OPT_LIMIT,
  OPT_MIN,
  OPT_MAX,
  OPT_STATE,
  OPT_REGISTERS,
  OPT_HELP,
  OPT_VERSION
};

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"dot", no_argument, NULL, OPT_DOT},
    {"svg", no_argument, NULL, OPT_SVG},
    {"by", required_argument, NULL, OPT_BY},
    {"sort", required_argument, NULL, OPT_SORT},
    {"stack", required_argument, NULL, OPT_STACK},
    {"since", required_argument, NULL, OPT_SINCE},
    {"from", no_argument, NULL, OPT_FROM},
    {"all", no_argument, NULL, OPT_ALL},
    {"avoid", required_argument, NULL, OPT_AVOID},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"min", required_argument, NULL, OPT_MIN},
    {"max", required_argument, NULL, OPT_MAX},
    {"state", required_argument, NULL, OPT_STATE},
    {"registers", required_argument, NULL, OPT_REGISTERS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static bool take_number(const char *text, uint64_t *n) {
  char *end;
  *n = strtoull(text, &end, 0);
  if (*text && *text != '-' && *end == '\0')
    return true;
  cgc_tool_error(CGC_HEAP_USAGE, "heap: '%s' is no number", text);
  return false;
}

/* An option that takes this word, or one that was looked for before. */
static bool take_word(const char *option, const char *word) {
  if (strcmp(optarg, word) == 0)
    return true;
  cgc_tool_error(0, "heap: --%s: there is no '%s'", option, optarg);
  return false;
}

static bool take_option(struct cgc_heap_options *o, int option) {
  switch (option) {
  case OPT_JSON:
    return o->json = true;
  case OPT_DOT:
    return o->dot = true;
  case OPT_SVG:
    return o->svg = true;
  case OPT_FROM:
    return o->from = true;
  case OPT_ALL:
    return o->all = true;
  case OPT_AVOID:
    o->avoid = 1u << CGC_PLACE_STACK | 1u << CGC_PLACE_REGISTER;
    return take_word("avoid", "stack");
  case OPT_BY:
    o->by_stack = strcmp(optarg, "stack") == 0;
    return o->by_stack || take_word("by", "size");
  case OPT_SORT:
    o->sort_free = strcmp(optarg, "free") == 0;
    return o->sort_free || take_word("sort", "address");
  case OPT_STACK:
    o->stack = optarg;
    return true;
  case OPT_SINCE:
    o->since = optarg;
    return true;
  case OPT_LIMIT:
    return take_number(optarg, &o->limit);
  case OPT_MIN:
    return take_number(optarg, &o->min_size);
  case OPT_MAX:
    return take_number(optarg, &o->max_size);
  case OPT_STATE:
    o->state = optarg;
    return strcmp(optarg, "live") == 0 || strcmp(optarg, "free") == 0 ||
           take_word("state", "lost");
  case OPT_REGISTERS:
    o->registers = optarg;
    return true;
  case OPT_HELP:
    print_help(stdout);
    exit(fflush(stdout) == 0
             ? 0
             : cgc_tool_error(CGC_HEAP_FAILED, "writing failed"));
  case OPT_VERSION:
    puts("cgc heap (libcgc) " PACKAGE_VERSION);
    exit(0);
  default:
    return false;
  }
}

static int usage(const char *what, const char *name) {
  if (what)
    cgc_tool_error(CGC_HEAP_USAGE, "heap: %s%s", what, name);
  fputs("Try 'cgc heap --help'.\n", stderr);
  return CGC_HEAP_USAGE;
}

static void say_problems(const struct cgc_heap_view *v) {
  const struct cgc_target *t = &v->target;
  size_t blind = 0;
  if (t->nthreads == 0)
    cgc_tool_error(0,
                   "%s has lost its threads: what only their stacks and "
                   "registers point to seems lost",
                   t->title);
  if (t->is_cut)
    cgc_tool_error(0, "%s is cut off: what is missing counts as not there",
                   t->title);
  if (v->image.nproblems)
    cgc_tool_error(0, "%zu inconsistencies in the heap (%s); see the check",
                   v->image.nproblems, v->image.problems[0].what);
  if (v->image.nbusy)
    cgc_tool_error(0,
                   "%s was stopped while it changed a span: that one is "
                   "left out; ask again for it",
                   t->title);
  for (size_t i = 0; i < t->nthreads; i++)
    blind += !t->threads[i].has_regs && !t->threads[i].vector_bytes;
  if (blind)
    cgc_tool_error(0,
                   "the registers of %zu threads are not known (held by a "
                   "debugger): what only they point to seems lost",
                   blind);
}

int cgc_heap_open(struct cgc_heap_view *v, const char *name) {
  int status = cgc_target_open(&v->target, name, v->options.registers);
  if (status == 0)
    status = cgc_image_open(&v->image, &v->target);
  if (status)
    return status;
  say_problems(v);
  v->namer = cgc_namer_open(&v->image);
  return 0;
}

void cgc_heap_close(struct cgc_heap_view *v) {
  if (v->namer) {
    cgc_records_close(v->records);
    cgc_namer_close(v->namer);
  }
  if (v->is_marked)
    cgc_graph_close(&v->graph);
  if (v->namer)
    cgc_image_close(&v->image);
  cgc_target_close(&v->target);
}

static int run(struct cgc_heap_view *v, const struct command *c,
               const char *name) {
  int status = cgc_heap_open(v, name);
  if (status == 0) {
    cgc_out_open(&v->out, v->options.json);
    status = c->run(v);
    cgc_progress_end();
    if (!cgc_out_close(&v->out))
      status = cgc_tool_error(CGC_HEAP_FAILED, "writing failed");
  }
  cgc_heap_close(v);
  return status;
}

static int take_argument(struct cgc_heap_view *v, const struct command *c,
                         const char *text) {
  const struct cgc_heap_options *o = &v->options;
  v->file = text;
  if (o->dot && (!(c->forms & GRAPH) || o->json))
    return usage("no graph of ", c->name);
  if (o->svg && (!(c->forms & PICTURE) || o->json))
    return usage("no picture of ", c->name);
  if (o->json && (c->forms & NO_TABLE))
    return usage("no JSON of ", c->name);
  return c->argument == ADDRESS && !take_number(text, &v->addr) ? CGC_HEAP_USAGE
                                                                : 0;
}

int main(int argc, char **argv) {
  static struct cgc_heap_view v;
  const struct command *c = &commands[0];
  int option;
  argv[0] = "cgc heap";
  v.options.max_size = UINT64_MAX;
  while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
    if (!take_option(&v.options, option))
      return option == '?' ? usage(NULL, NULL) : CGC_HEAP_USAGE;
  int left = argc - optind;
  if (left < 1)
    return usage("no process or core given", "");
  if (left > 1 && !(c = find_command(argv[optind + 1])))
    return usage("no command called ", argv[optind + 1]);
  if (left != (c->argument ? 3 : left > 1 ? 2 : 1))
    return usage(c->argument ? "one argument is wanted by " : "too much for ",
                 c->name);
  int status = take_argument(&v, c, c->argument ? argv[optind + 2] : NULL);
  return status ? status : run(&v, c, argv[optind]);
}
