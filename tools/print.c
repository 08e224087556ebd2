/* SPDX-License-Identifier: MIT */
#include "print.h"

#include "folded.h"
#include "json.h"
#include "leaks.h"
#include "page.h"
#include "pprof.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void (*write_fn)(FILE *out, const struct cgc_leaks *leaks);

/* NAME with the process's number for each %p. */
static const char *expand(const struct cgc_raw *raw, const char *name) {
  const char *mark = strstr(name, "%p");
  if (!mark)
    return name;
  return cgc_store_format(raw->store, "%.*s%" PRIu64 "%s", (int)(mark - name),
                          name, raw->pid, expand(raw, mark + 2));
}

/* Write a file with WRITE; MODE as for fopen(). */
static void write_file(const struct cgc_leaks *leaks, const char *name,
                       const char *mode, write_fn write) {
  FILE *out;
  bool failed;
  if (!name)
    return;
  name = expand(leaks->raw, name);
  out = fopen(name, mode);
  if (!out) {
    cgc_tool_error(CGC_EXIT_OWN, "%s: %s", name, strerror(errno));
    return;
  }
  write(out, leaks);
  failed = ferror(out);
  if (fclose(out) != 0 || failed)
    cgc_tool_error(CGC_EXIT_OWN, "%s: the report could not be written: %s",
                   name, strerror(errno));
}

/* The file for the text, or stderr. */
static FILE *open_text(const struct cgc_leaks *leaks, const char *name) {
  FILE *out;
  if (!name)
    return stderr;
  name = expand(leaks->raw, name);
  out = fopen(name, "ae");
  if (!out)
    cgc_tool_error(CGC_EXIT_OWN, "%s: %s", name, strerror(errno));
  return out ? out : stderr;
}

/* What is told when it happens, apart from any check. */
static bool is_note(const struct cgc_leaks *leaks) {
  return leaks->raw->nbadfrees || strcmp(leaks->raw->reason, "fault") == 0;
}

static void print_text(const struct cgc_leaks *leaks,
                       const struct cgc_settings *settings) {
  /* Many small writes, and stderr has no buffer. */
  static char buffer[1 << 16];
  FILE *out = open_text(leaks, settings->text);
  setvbuf(out, buffer, _IOFBF, sizeof buffer);
  if (leaks->raw->nbadfrees)
    cgc_text_print_badfrees(out, leaks);
  else if (is_note(leaks))
    cgc_text_print_faults(out, leaks);
  else if (settings->json && strcmp(settings->json, "-") == 0)
    cgc_json_print(out, leaks);
  else
    cgc_text_print(out, leaks, settings);
  fflush(out);
  setvbuf(out, NULL, _IONBF, 0);
  if (out != stderr)
    fclose(out);
}

static void print_all(const struct cgc_leaks *leaks,
                      const struct cgc_settings *settings) {
  print_text(leaks, settings);
  if (is_note(leaks))
    return;
  if (settings->json && strcmp(settings->json, "-") != 0)
    write_file(leaks, settings->json, "ae", cgc_json_print);
  write_file(leaks, settings->folded, "we", cgc_folded_print);
  write_file(leaks, settings->pprof, "we", cgc_pprof_write);
  write_file(leaks, settings->html, "we", cgc_page_write);
}

/* Copy the raw report, where it can't be moved to. */
static void keep(const char *path, const char *name) {
  FILE *in = fopen(path, "re"), *out = fopen(name, "we");
  char buffer[1 << 14];
  size_t n;
  if (!in || !out)
    cgc_tool_error(CGC_EXIT_OWN, "%s: %s", out ? path : name, strerror(errno));
  while (in && out && (n = fread(buffer, 1, sizeof buffer, in)) > 0)
    fwrite(buffer, 1, n, out);
  if (in)
    fclose(in);
  if (out && fclose(out) != 0)
    cgc_tool_error(CGC_EXIT_OWN, "%s: %s", name, strerror(errno));
}

static int print_with(const char *path, const struct cgc_settings *settings) {
  struct cgc_raw *raw = cgc_raw_read(path);
  struct cgc_leaks leaks;
  int status;
  if (!raw)
    return CGC_EXIT_OWN;
  status = cgc_leaks_open(&leaks, raw, settings);
  if (status)
    return status;
  if (settings->raw)
    keep(path, expand(raw, settings->raw));
  else
    print_all(&leaks, settings);
  status = leaks.totals[CGC_RAW_LOST].groups ? settings->exit_code : 0;
  cgc_leaks_close(&leaks);
  unlink(path);
  return status;
}

int cgc_print_report(const char *path, const char *list) {
  struct cgc_store *store = cgc_store_open();
  struct cgc_settings settings;
  int status = cgc_settings_read(&settings, store, list);
  if (!status)
    status = print_with(path, &settings);
  cgc_settings_clear(&settings);
  cgc_store_close(store);
  return status;
}
