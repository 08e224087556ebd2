/* SPDX-License-Identifier: MIT */
#include "front/misuse.h"

#include "base/log.h"
#include "base/option.h"
#include "os/unwind.h"

#include <errno.h>
#include <stdlib.h>

bool (*cgc_misuse_hook)(enum cgc_misuse what, const void *ptr,
                        const struct cgc_object *object);

static const char *const words[] = {
    [CGC_MISUSE_DOUBLE_FREE] = "double free",
    [CGC_MISUSE_INTERIOR] = "not the start of the block",
    [CGC_MISUSE_NOT_HEAP] = "not a block of the heap",
};

size_t cgc_misuse_describe(char *buf, size_t size, enum cgc_misuse what,
                           const void *ptr, const struct cgc_object *object) {
  if (!object)
    return cgc_log_format(buf, size, "free(%p): %s", ptr, words[what]);
  return cgc_log_format(buf, size, "free(%p): %s, block=%p size=%zu%s", ptr,
                        words[what], (void *)object->addr, object->size,
                        cgc_object_is_live(object) ? "" : " (free)");
}

void cgc_misuse_free(enum cgc_misuse what, const void *ptr,
                     const struct cgc_object *object) {
  char text[CGC_LOG_LINE_MAX / 2];
  int saved = errno;
  if (cgc_options.bad_free == CGC_BAD_FREE_IGNORE)
    return;
  cgc_misuse_describe(text, sizeof text, what, ptr, object);
  cgc_log(CGC_LOG_ERROR, "%s", text);
  if (!cgc_misuse_hook || !cgc_misuse_hook(what, ptr, object))
    cgc_unwind_print();
  if (cgc_options.bad_free == CGC_BAD_FREE_ABORT)
    abort();
  errno = saved;
}
