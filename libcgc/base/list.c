/* SPDX-License-Identifier: MIT */
#include "base/list.h"

void cgc_list_splice(struct cgc_link *to, struct cgc_link *from) {
  if (cgc_list_empty(from))
    return;
  struct cgc_link *first = from->next;
  struct cgc_link *last = from->prev;
  first->prev = to->prev;
  to->prev->next = first;
  last->next = to;
  to->prev = last;
  cgc_list_init(from);
}

size_t cgc_list_length(const struct cgc_link *list) {
  size_t n = 0;
  for (const struct cgc_link *l = list->next; l != list; l = l->next)
    n++;
  return n;
}

void cgc_list_check(const struct cgc_link *list) {
  const struct cgc_link *l = list;
  do {
    cgc_check(l->next && l->next->prev == l); /* I1 */
    l = l->next;
  } while (l != list);
}
