/* SPDX-License-Identifier: MIT */
#include "front/unload.h"

#include "front/leak.h"
#include "front/real.h"

CGC_REAL(dlclose)

CGC_PUBLIC int dlclose(void *handle) {
  int result = CGC_CALL_REAL(dlclose)(handle);
  cgc_leak_closed();
  return result;
}
