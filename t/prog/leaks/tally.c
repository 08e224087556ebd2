/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/tally.c - a printer of raw reports for variants.sh: a line for
 * each, with the process and what was found, at the end of $TALLY; and for each
 * group one with the process and the allocation's frames in the program, at the
 * end of $TALLY_STACKS.
 *
 *   tally leak --print FILE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACKS = 4096, NUMBERS = 256 };

/* The program's frames of the stacks, as decimal numbers. */
static char stacks[STACKS][NUMBERS];

static void read_stack(const char *line) {
  unsigned id, module;
  unsigned long offset;
  int at = 0;
  if (sscanf(line, "stack %u%n", &id, &at) != 1)
    return;
  char *to = stacks[id % STACKS];
  for (*to = '\0', line += at;
       (line = strchr(line, ' ')) && strlen(to) < NUMBERS - 32; line++)
    if (sscanf(line, " %u:%lx", &module, &offset) == 2 && module == 1)
      sprintf(to + strlen(to), " %lu", offset);
}

/* The program's own groups have those that a variable of it holds. */
static void write_stack(const char *line, const char *process, FILE *to) {
  char class[64], holder[64];
  unsigned id;
  if (sscanf(line, "group %63s %u %*s %*s %*s %*s %*s %*s %*s %63s", class, &id,
             holder) == 3 &&
      (strcmp(class, "reachable") != 0 || strncmp(holder, "data:1:", 7) == 0))
    fprintf(to, "%.*s%s\n", (int)strcspn(process, " "), process,
            stacks[id % STACKS]);
}

/* What of the report's LINE counts; the program is its first module. */
static void read_line(const char *line, char *out, size_t size, int *lost) {
  char word[64], holder[64] = "", stacks[3][16] = {"", "", ""};
  size_t n = strlen(out);
  int pid;
  if (sscanf(line, "process %d", &pid) == 1)
    snprintf(out, size, "%d", pid);
  if (sscanf(line, "group %63s %*s %*s %*s %*s %*s %*s %*s %*s %63s", word,
             holder) == 2 &&
      (strcmp(word, "reachable") != 0 || strncmp(holder, "data:1:", 7) == 0))
    snprintf(out + n, size - n, " %s", word);
  *lost |= strncmp(line, "group lost ", 11) == 0;
  if (sscanf(line, "badfree %63s %*s %*s %*s %*s %15s %15s %15s", word,
             stacks[0], stacks[1], stacks[2]) == 4)
    snprintf(out + n, size - n, " %s:%d%d%d", word, *stacks[0] != '-',
             *stacks[1] != '-', *stacks[2] != '-');
}

int main(int argc, char **argv) {
  char line[1024], out[1024] = "";
  int lost = 0, fd = open(getenv("TALLY"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  FILE *raw = argc == 4 ? fopen(argv[3], "r") : NULL;
  FILE *frames = fopen(getenv("TALLY_STACKS"), "a");
  if (!raw || !frames || fd < 0)
    return 125;
  while (fgets(line, sizeof line, raw)) {
    read_stack(line);
    write_stack(line, out, frames);
    read_line(line, out, sizeof out, &lost);
  }
  fclose(frames);
  unlink(argv[3]);
  strcat(out, "\n");
  return write(fd, out, strlen(out)) < 0 ? 125 : lost ? 23 : 0;
}
