/* SPDX-License-Identifier: MIT */
/*
 * base/list.h - intrusive doubly linked lists.
 *
 * A list head is a link of its own; an empty list points at itself.  A link
 * that stands in no list has next == NULL.
 *
 *   I1  link->next->prev == link and link->prev->next == link.
 *
 * Locks: the owner's.
 */
#ifndef CGC_BASE_LIST_H
#define CGC_BASE_LIST_H

#include "base/base.h"

struct cgc_link {
  struct cgc_link *next;
  struct cgc_link *prev;
};

#define cgc_list_entry(link, type, member) cgc_container_of(link, type, member)

CGC_INLINE void cgc_list_init(struct cgc_link *list) {
  list->next = list->prev = list;
}

CGC_INLINE bool cgc_list_empty(const struct cgc_link *list) {
  return list->next == list;
}

CGC_INLINE bool cgc_link_in_list(const struct cgc_link *link) {
  return link->next != NULL;
}

CGC_INLINE void cgc_list_insert(struct cgc_link *link, struct cgc_link *prev,
                                struct cgc_link *next) {
  cgc_assert(!cgc_link_in_list(link));
  link->next = next;
  link->prev = prev;
  prev->next = link;
  next->prev = link;
}

CGC_INLINE void cgc_list_push_front(struct cgc_link *list,
                                    struct cgc_link *link) {
  cgc_list_insert(link, list, list->next);
}

CGC_INLINE void cgc_list_push_back(struct cgc_link *list,
                                   struct cgc_link *link) {
  cgc_list_insert(link, list->prev, list);
}

CGC_INLINE void cgc_list_remove(struct cgc_link *link) {
  link->prev->next = link->next;
  link->next->prev = link->prev;
  link->next = link->prev = NULL;
}

CGC_INLINE struct cgc_link *cgc_list_first(const struct cgc_link *list) {
  return cgc_list_empty(list) ? NULL : list->next;
}

CGC_INLINE struct cgc_link *cgc_list_pop_front(struct cgc_link *list) {
  struct cgc_link *first = cgc_list_first(list);
  if (first)
    cgc_list_remove(first);
  return first;
}

/** Move everything of FROM to the end of TO; FROM is empty afterwards. */
void cgc_list_splice(struct cgc_link *to, struct cgc_link *from);

/** Number of links; walks the list. */
size_t cgc_list_length(const struct cgc_link *list);

/** Assert I1 for every link. */
void cgc_list_check(const struct cgc_link *list);

#define cgc_list_for_each(link, list)                                          \
  for (struct cgc_link *link = (list)->next; link != (list); link = link->next)

#endif
