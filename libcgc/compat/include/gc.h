/* SPDX-License-Identifier: MIT */
/* <gc.h>: the contract stands in gc/gc.h. */
#include "gc/gc.h"
