/* SPDX-License-Identifier: MIT */
/*
 * tools/demo/leaky.c - a program that forgets what it allocates.
 *
 * It serves "requests": each builds a list, a ring and a buffer, computes
 * with them and loses them without free().  It prints a checksum, so that two
 * runs can be compared.  usage: leaky [MEGABYTES to lose, 600]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
  struct node *next;
  struct node *peer;
  unsigned long value;
};

static size_t lost_bytes;

static void *get(size_t size) {
  void *p = malloc(size);
  if (!p) {
    perror("leaky");
    exit(1);
  }
  lost_bytes += size;
  return p;
}

/* A list of N nodes, closed to a ring when RING is set: counting references
   would never free that one. */
static struct node *build(int n, int ring) {
  struct node *head = NULL, *last = NULL;
  for (int i = 0; i < n; i++) {
    struct node *node = get(sizeof *node);
    node->next = head;
    node->peer = last;
    node->value = (unsigned long)i * 2654435761u;
    head = node;
    if (!last)
      last = node;
  }
  if (ring)
    last->next = head;
  return head;
}

static unsigned long serve(unsigned long request) {
  struct node *list = build(200, 0), *ring = build(200, 1);
  char *buffer = get(8192);
  unsigned long sum = request;
  memset(buffer, (int)(request & 0x7f), 8192);
  for (struct node *n = list; n; n = n->next)
    sum = sum * 31 + n->value;
  for (int i = 0; i < 1000; i++, ring = ring->next)
    sum = sum * 31 + ring->value;
  return sum + (unsigned char)buffer[request % 8192];
}

int main(int argc, char **argv) {
  size_t goal = (size_t)(argc > 1 ? atol(argv[1]) : 600) << 20;
  unsigned long sum = 0, request;
  for (request = 0; lost_bytes < goal; request++)
    sum ^= serve(request);
  printf("%lu requests, checksum %lx\n", request, sum);
  return 0;
}
