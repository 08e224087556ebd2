/* SPDX-License-Identifier: MIT */
#include "world/mailbox.h"

#include <string.h>

enum { TID, N, SP, FS_BASE, HEAD };

struct cgc_mailbox cgc_debug_mailbox = {.capacity = CGC_MAILBOX_WORDS};

/* What is written there comes from outside: nothing of it is believed. */
bool cgc_mailbox_find(pid_t tid, struct cgc_mailbox_thread *thread) {
  struct cgc_mailbox *box = &cgc_debug_mailbox;
  uint64_t used = cgc_min(box->used, CGC_MAILBOX_WORDS);
  for (uint64_t at = 0; at + HEAD <= used;) {
    const uint64_t *w = box->word + at;
    if (w[N] > used - at - HEAD)
      return false;
    if (w[TID] == (uint64_t)tid) {
      *thread =
          (struct cgc_mailbox_thread){w[SP], w[FS_BASE], (uintptr_t)(w + HEAD),
                                      (uintptr_t)(w + HEAD + w[N])};
      return true;
    }
    at += HEAD + w[N];
  }
  return false;
}

void cgc_mailbox_clear(void) {
  struct cgc_mailbox *box = &cgc_debug_mailbox;
  uint64_t used = cgc_min(box->used, CGC_MAILBOX_WORDS);
  memset(box->word, 0, used * sizeof *box->word);
  box->used = 0;
}
