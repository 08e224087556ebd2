/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-map.c - cgc heap: a picture of the heap, page by page.
 *
 * A cell is a page, or several in a large heap; it shows what most of its
 * bytes belong to: a size class by colour, how full its slots are by strength.
 */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

enum {
  CELLS_MAX = 1 << 15,
  ROW = 128,  /* cells */
  SIDE = 7,   /* of a cell, px */
  LEFT = 130, /* for addresses */
  TOP = 24,
  LEGEND = 170,
  LINE = 14, /* of the legend */
  TEXT_ROW = 64
};

struct cell {
  const struct cgc_image_span *span; /* NULL: free pages */
  unsigned tenths;                   /* of its slots are live */
};

struct map {
  const struct cgc_image *im;
  struct cell *cell;
  size_t ncells;
  size_t pages; /* of a cell */
  size_t npages;
};

/* The span that has the most pages of the cell; the first of equal ones. */
static struct cell look_at(const struct map *m, size_t first) {
  struct cell c = {NULL, 0};
  size_t best = 0;
  for (size_t i = first, n; i < first + m->pages && i < m->npages; i += n) {
    uint32_t id = m->im->page_span[i];
    for (n = 1; i + n < first + m->pages && i + n < m->npages &&
                m->im->page_span[i + n] == id;)
      n++;
    if (id && n > best) {
      c.span = &m->im->spans[id - 1];
      best = n;
    }
  }
  if (c.span)
    c.tenths = (unsigned)((cgc_image_count_live(m->im, c.span) * 10ull +
                           c.span->nslots - 1) /
                          c.span->nslots);
  return c;
}

static void make(struct map *m, const struct cgc_image *im) {
  m->im = im;
  m->npages = im->bytes >> im->page_shift;
  m->pages = (m->npages + CELLS_MAX - 1) / CELLS_MAX + (m->npages == 0);
  m->ncells = (m->npages + m->pages - 1) / m->pages;
  m->cell = calloc(m->ncells + 1, sizeof *m->cell);
  for (size_t i = 0; m->cell && i < m->ncells; i++)
    m->cell[i] = look_at(m, i * m->pages);
}

static uint64_t address(const struct map *m, size_t cell) {
  return m->im->base + ((uint64_t)(cell * m->pages) << m->im->page_shift);
}

/* ---- svg ----------------------------------------------------------------- */

/* Small sizes are blue, larger ones go round to red; large objects grey. */
static void put_colour(const struct map *m, const struct cgc_image_span *s) {
  unsigned large = (unsigned)m->im->value[CGC_L_class_large];
  if (s->class == large)
    printf("hsl(0,0%%,35%%)");
  else
    printf("hsl(%u,75%%,42%%)", 240 + 130 * s->class / large * 2 % 360);
}

static double strength(const struct cell *c) {
  return 0.15 + 0.085 * c->tenths;
}

static bool is_same(const struct cell *a, const struct cell *b) {
  return a->span == b->span && a->tenths == b->tenths;
}

/* A rectangle for cells of one row that belong to one span. */
static size_t put_run(const struct map *m, size_t at) {
  const struct cell *c = &m->cell[at];
  size_t n = 1;
  while (at + n < m->ncells && (at + n) % ROW && is_same(c, &m->cell[at + n]))
    n++;
  if (!c->span)
    return n;
  printf("<rect x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"%d\" fill=\"",
         LEFT + at % ROW * SIDE, TOP + at / ROW * SIDE, n * SIDE - 1, SIDE - 1);
  put_colour(m, c->span);
  printf("\" fill-opacity=\"%.2f\"><title>0x%lx: %u of %u slots of %lu bytes"
         "%s</title></rect>\n",
         strength(c), (unsigned long)c->span->base,
         cgc_image_count_live(m->im, c->span), c->span->nslots,
         (unsigned long)c->span->slot_size,
         c->span->noscan ? ", no pointers" : "");
  return n;
}

static void put_addresses(const struct map *m, size_t nrows) {
  for (size_t row = 0; row < nrows; row += 8)
    printf("<text x=\"4\" y=\"%zu\">0x%lx</text>\n", TOP + row * SIDE + 7,
           (unsigned long)address(m, row * ROW));
}

static void put_legend_line(const struct map *m, size_t *y, double opacity,
                            const struct cgc_image_span *s, const char *text) {
  printf("<rect x=\"%d\" y=\"%zu\" width=\"14\" height=\"10\" "
         "fill-opacity=\"%.2f\" fill=\"",
         LEFT + ROW * SIDE + 14, *y, opacity);
  put_colour(m, s);
  printf("\"/><text x=\"%d\" y=\"%zu\">%s</text>\n", LEFT + ROW * SIDE + 34,
         *y + 9, text);
  *y += LINE;
}

static size_t legend_height(const struct map *m) {
  bool seen[256] = {false};
  size_t n = 0;
  for (size_t i = 0; i < m->im->nspans; i++) {
    n += !seen[m->im->spans[i].class];
    seen[m->im->spans[i].class] = true;
  }
  return (n + 4) * LINE;
}

/* The classes that there are, by size, each with its pages. */
static void put_legend(const struct map *m) {
  uint64_t pages[256] = {0};
  const struct cgc_image_span *of[256] = {NULL};
  char text[64], size[24];
  size_t y = TOP;
  for (size_t i = 0; i < m->im->nspans; i++) {
    const struct cgc_image_span *s = &m->im->spans[i];
    pages[s->class] += s->npages;
    of[s->class] = s;
  }
  for (int class = 0; class < 256; class ++) {
    if (!of[class])
      continue;
    cgc_out_size(size, pages[class] << m->im->page_shift);
    if ((unsigned)class == m->im->value[CGC_L_class_large])
      snprintf(text, sizeof text, "large: %s", size);
    else
      snprintf(text, sizeof text, "%lu bytes: %s",
               (unsigned long)of[class]->slot_size, size);
    put_legend_line(m, &y, 1, of[class], text);
  }
  y += 10;
  for (unsigned tenths = 0; tenths <= 10 && m->im->nspans; tenths += 5) {
    struct cell c = {NULL, tenths};
    snprintf(text, sizeof text, "%u %% of the slots live", tenths * 10);
    put_legend_line(m, &y, strength(&c), &m->im->spans[0], text);
  }
}

static void put_title(const struct map *m, const char *title) {
  char size[24];
  printf("<text x=\"4\" y=\"14\" font-size=\"11\">heap of ");
  for (; *title; title++)
    printf(strchr("<>&", *title) ? "&#%d;" : "%c", *title);
  printf(", %s; a cell is %zu KiB</text>\n", cgc_out_size(size, m->im->bytes),
         (m->pages << m->im->page_shift) >> 10);
}

/* Rows of pages, and at least as high as the legend. */
static void draw(const struct map *m, const char *title) {
  size_t nrows = (m->ncells + ROW - 1) / ROW;
  printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
         "height=\"%zu\" font-family=\"monospace\" font-size=\"9\">\n"
         "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
         LEFT + ROW * SIDE + LEGEND,
         TOP + cgc_max(nrows * SIDE, legend_height(m)) + 10);
  put_title(m, title);
  printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%zu\" fill=\"#f2f2f2\""
         "/>\n",
         LEFT, TOP, ROW * SIDE, nrows * SIDE);
  put_addresses(m, nrows);
  for (size_t i = 0; i < m->ncells;)
    i += put_run(m, i);
  put_legend(m);
  puts("</svg>");
}

/* ---- text ---------------------------------------------------------------- */

static char letter(const struct map *m, const struct cell *c) {
  if (!c->span)
    return '.';
  if (c->span->class == m->im->value[CGC_L_class_large])
    return c->tenths ? '#' : '_';
  return "0123456789X"[c->tenths];
}

static void print_row(struct cgc_heap_view *v, const struct map *m,
                      size_t first) {
  char text[TEXT_ROW + 1] = "";
  for (size_t i = first; i < first + TEXT_ROW && i < m->ncells; i++)
    text[i - first] = letter(m, &m->cell[i]);
  cgc_out_row(&v->out);
  cgc_out_address(&v->out, "address", -18, address(m, first));
  cgc_out_text(&v->out, "cells", 0, "%s", text);
  cgc_out_end_row(&v->out);
}

int cgc_heap_map(struct cgc_heap_view *v) {
  struct map m = {.im = NULL};
  make(&m, &v->image);
  if (!m.cell)
    return CGC_HEAP_FAILED;
  if (v->options.svg) {
    draw(&m, v->target.title);
  } else {
    cgc_out_table(&v->out, "map", NULL);
    for (size_t i = 0; i < m.ncells; i += TEXT_ROW)
      print_row(v, &m, i);
    cgc_out_end_table(&v->out);
    cgc_out_line(&v->out,
                 "a cell is %zu KiB: . free, # large object, 0 to X how many "
                 "tenths of the slots are live",
                 (m.pages << v->image.page_shift) >> 10);
  }
  free(m.cell);
  return 0;
}
