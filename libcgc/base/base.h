/* SPDX-License-Identifier: MIT */
/*
 * base/base.h - the words that every floor uses.
 *
 * Attributes, assertions and three small helpers.  This header and os/ are
 * the only places where the preprocessor selects code.
 *
 *   cgc_assert(x)  debug builds only (--enable-debug): documents and tests.
 *   cgc_check(x)   always compiled: cheap, guards memory safety, traps.
 */
#ifndef CGC_BASE_BASE_H
#define CGC_BASE_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGC_PUBLIC __attribute__((visibility("default")))
/* For an extern that a fast path reads: no detour by the offset table. */
#define CGC_HIDDEN __attribute__((visibility("hidden")))
#define CGC_NORETURN __attribute__((noreturn))
#define CGC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CGC_NOINLINE __attribute__((noinline))
#define CGC_INLINE static inline __attribute__((always_inline))
#define CGC_COLD __attribute__((cold, noinline))
/* Behind a branch that is mostly not taken, but then for every call: gcc is not
   to compile it for size. */
#define CGC_HOT __attribute__((hot, noinline))
#define CGC_UNUSED __attribute__((unused))
#define CGC_ALIGNED(n) __attribute__((aligned(n)))

/*
 * Functions that read other people's memory on purpose.  When gcc inlines
 * others into one it keeps the marks of their scopes, and nobody takes them
 * off: these are CGC_SCANS_MEMORY, too, or have no local whose address is
 * taken.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CGC_SCANS_MEMORY                                                       \
  __attribute__((no_sanitize("address", "thread", "undefined")))
#define CGC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CGC_SCANS_MEMORY                                                       \
  __attribute__((no_sanitize("address", "thread", "undefined")))
#define CGC_SANITIZED 1
#else
#define CGC_SCANS_MEMORY
#define CGC_SANITIZED 0
#endif
#else
#define CGC_SCANS_MEMORY
#define CGC_SANITIZED 0
#endif

#define cgc_likely(x) __builtin_expect(!!(x), 1)
#define cgc_unlikely(x) __builtin_expect(!!(x), 0)

/* An invariant that does not hold: says where, then traps. */
CGC_NORETURN CGC_COLD void cgc_check_failed(const char *what, const char *file,
                                            int line);

#define cgc_check(x)                                                           \
  (cgc_likely(x) ? (void)0 : cgc_check_failed(#x, __FILE__, __LINE__))

#ifdef CGC_DEBUG
#define cgc_assert(x) cgc_check(x)
#else
#define cgc_assert(x) ((void)sizeof(!(x)))
#endif

#define cgc_container_of(ptr, type, member)                                    \
  ((type *)((char *)(ptr)-offsetof(type, member)))

/* The compiler may not move memory accesses across this line. */
#define cgc_compiler_barrier() __asm__ volatile("" ::: "memory")

/*
 * The value of PTR stands in a register or on the stack from here on, where a
 * scan finds it; the compiler may not derive it from something else later.
 */
#define cgc_keep_visible(ptr) __asm__ volatile("" : "+r"(ptr) : : "memory")

#define CGC_KIB ((size_t)1 << 10)
#define CGC_MIB ((size_t)1 << 20)
#define CGC_GIB ((size_t)1 << 30)

CGC_INLINE uintptr_t cgc_round_up(uintptr_t n, uintptr_t power_of_two) {
  return (n + power_of_two - 1) & ~(power_of_two - 1);
}

CGC_INLINE uintptr_t cgc_round_down(uintptr_t n, uintptr_t power_of_two) {
  return n & ~(power_of_two - 1);
}

CGC_INLINE bool cgc_is_power_of_two(uintptr_t n) { return n && !(n & (n - 1)); }

/* libc's may be front/syscall's.  Returns -errno, touches no TLS. */
CGC_INLINE long cgc_syscall(long n, long a, long b, long c, long d, long e,
                            long f) {
  long ret;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(ret)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
}

/* x86-64's first processors have no instruction for it. */
CGC_INLINE uint32_t cgc_popcount(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return (uint32_t)(bits * 0x0101010101010101 >> 56);
}

CGC_INLINE size_t cgc_min(size_t a, size_t b) { return a < b ? a : b; }
CGC_INLINE size_t cgc_max(size_t a, size_t b) { return a > b ? a : b; }

#endif
