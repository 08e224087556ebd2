/* SPDX-License-Identifier: MIT */
/*
 * t/prog/leaks/tally.c - a printer of raw reports for variants.sh: a line for
 * each, with the process and what was found, at the end of $TALLY.
 *
 *   tally leak --print FILE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  if (!raw || fd < 0)
    return 125;
  while (fgets(line, sizeof line, raw))
    read_line(line, out, sizeof out, &lost);
  unlink(argv[3]);
  strcat(out, "\n");
  return write(fd, out, strlen(out)) < 0 ? 125 : lost ? 23 : 0;
}
