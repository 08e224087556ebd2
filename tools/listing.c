/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { AROUND = 3, LINE_MAX_BYTES = 400, FILES_MAX = 500 };

struct place {
  const char *file; /* interned */
  unsigned line;
};

struct cgc_listing {
  struct cgc_store *store;
  struct place *places; /* malloc'ed */
  size_t n;
};

struct cgc_listing *cgc_listing_open(void) {
  struct cgc_store *store = cgc_store_open();
  struct cgc_listing *l = cgc_store_alloc(store, sizeof *l);
  l->store = store;
  return l;
}

void cgc_listing_close(struct cgc_listing *listing) {
  free(listing->places);
  cgc_store_close(listing->store);
}

void cgc_listing_add(struct cgc_listing *listing, const char *file,
                     unsigned line) {
  if (!file || !line)
    return;
  listing->places =
      cgc_store_room(listing->places, listing->n, sizeof *listing->places);
  listing->places[listing->n++] = (struct place){
      cgc_store_intern(listing->store, file, strlen(file)), line};
}

static int compare(const void *a, const void *b) {
  const struct place *x = a, *y = b;
  int order = strcmp(x->file, y->file);
  return order ? order : (x->line > y->line) - (x->line < y->line);
}

static FILE *open_source(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
    return NULL;
  return fopen(path, "re");
}

static void print_line(FILE *out, unsigned number, char *text, bool first) {
  text[strcspn(text, "\r\n")] = '\0';
  if (strlen(text) > LINE_MAX_BYTES)
    text[LINE_MAX_BYTES] = '\0';
  fprintf(out, "%s\"%u\":", first ? "" : ",", number);
  cgc_json_string(out, text);
}

/* Print the lines of one file around PLACES, which are sorted. */
static void print_file(FILE *out, FILE *source, const struct place *places,
                       size_t n) {
  char *text = NULL;
  size_t size = 0, i = 0;
  bool first = true;
  fputc('{', out);
  for (unsigned line = 1; i < n && getline(&text, &size, source) > 0; line++) {
    while (i < n && places[i].line + AROUND < line)
      i++;
    if (i < n && line + AROUND >= places[i].line) {
      print_line(out, line, text, first);
      first = false;
    }
  }
  free(text);
  fputc('}', out);
}

void cgc_listing_print(FILE *out, const struct cgc_listing *l) {
  size_t nfiles = 0, end;
  if (l->n)
    qsort(l->places, l->n, sizeof *l->places, compare);
  fputc('{', out);
  for (size_t i = 0; i < l->n; i = end) {
    const char *name = l->places[i].file;
    FILE *source = nfiles < FILES_MAX ? open_source(name) : NULL;
    for (end = i; end < l->n && l->places[end].file == name;)
      end++;
    if (!source)
      continue;
    fputs(nfiles++ ? ",\n" : "\n", out);
    cgc_json_string(out, name);
    fputc(':', out);
    print_file(out, source, l->places + i, end - i);
    fclose(source);
  }
  fputc('}', out);
}
