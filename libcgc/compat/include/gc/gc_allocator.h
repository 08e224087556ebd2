/* SPDX-License-Identifier: MIT */
/*
 * Allocators for the containers of C++ on the collected heap.
 *
 *   gc_allocator<T>                  collected; not scanned if T is declared
 *                                    free of pointers (GC_DECLARE_PTRFREE)
 *   gc_allocator_ignore_off_page<T>  the same, for large containers
 *   traceable_allocator<T>           scanned, freed by the container
 */
#ifndef GC_ALLOCATOR_H
#define GC_ALLOCATOR_H

#include "gc.h"

#include <new>

#ifdef GC_NEW_ABORTS_ON_OOM
#define GC_ALLOCATOR_THROW_OR_ABORT() GC_abort_on_oom()
#else
#define GC_ALLOCATOR_THROW_OR_ABORT() throw std::bad_alloc()
#endif

struct GC_true_type {};
struct GC_false_type {};

template <class T> struct GC_type_traits { GC_false_type GC_is_ptr_free; };

#define GC_DECLARE_PTRFREE(T)                                                  \
  template <> struct GC_type_traits<T> { GC_true_type GC_is_ptr_free; }

GC_DECLARE_PTRFREE(char);
GC_DECLARE_PTRFREE(signed char);
GC_DECLARE_PTRFREE(unsigned char);
GC_DECLARE_PTRFREE(signed short);
GC_DECLARE_PTRFREE(unsigned short);
GC_DECLARE_PTRFREE(signed int);
GC_DECLARE_PTRFREE(unsigned int);
GC_DECLARE_PTRFREE(signed long);
GC_DECLARE_PTRFREE(unsigned long);
GC_DECLARE_PTRFREE(float);
GC_DECLARE_PTRFREE(double);
GC_DECLARE_PTRFREE(long double);

inline void *GC_allocator_check(void *obj) {
  if (!obj)
    GC_ALLOCATOR_THROW_OR_ABORT();
  return obj;
}

template <class Free>
inline void *GC_selective_alloc(size_t n, Free, bool ignore_off_page) {
  return GC_allocator_check(ignore_off_page ? GC_MALLOC_IGNORE_OFF_PAGE(n)
                                            : GC_MALLOC(n));
}

template <>
inline void *GC_selective_alloc<GC_true_type>(size_t n, GC_true_type,
                                              bool ignore_off_page) {
  return GC_allocator_check(ignore_off_page
                                ? GC_MALLOC_ATOMIC_IGNORE_OFF_PAGE(n)
                                : GC_MALLOC_ATOMIC(n));
}

/* What the three have in common; NEW_MEMORY is an expression of BYTES. */
#define GC_ALLOCATOR_CLASS(name, NEW_MEMORY)                                   \
  template <class T> class name {                                              \
  public:                                                                      \
    typedef size_t size_type;                                                  \
    typedef ptrdiff_t difference_type;                                         \
    typedef T *pointer;                                                        \
    typedef const T *const_pointer;                                            \
    typedef T &reference;                                                      \
    typedef const T &const_reference;                                          \
    typedef T value_type;                                                      \
    template <class U> struct rebind { typedef name<U> other; };               \
    name() GC_NOEXCEPT {}                                                      \
    name(const name &) GC_NOEXCEPT {}                                          \
    template <class U> GC_ATTR_EXPLICIT name(const name<U> &) GC_NOEXCEPT {}   \
    ~name() GC_NOEXCEPT {}                                                     \
    pointer address(reference x) const { return &x; }                          \
    const_pointer address(const_reference x) const { return &x; }              \
    T *allocate(size_type n, const void * = 0) {                               \
      if (n > max_size())                                                      \
        GC_ALLOCATOR_THROW_OR_ABORT();                                         \
      size_t bytes = n * sizeof(T);                                            \
      return static_cast<T *>(NEW_MEMORY);                                     \
    }                                                                          \
    void deallocate(pointer p, size_type) GC_NOEXCEPT { GC_FREE(p); }          \
    size_type max_size() const GC_NOEXCEPT { return size_t(-1) / sizeof(T); }  \
    void construct(pointer p, const T &value) { new (p) T(value); }            \
    void destroy(pointer p) { p->~T(); }                                       \
  };                                                                           \
  template <> class name<void> {                                               \
  public:                                                                      \
    typedef size_t size_type;                                                  \
    typedef ptrdiff_t difference_type;                                         \
    typedef void *pointer;                                                     \
    typedef const void *const_pointer;                                         \
    typedef void value_type;                                                   \
    template <class U> struct rebind { typedef name<U> other; };               \
  };                                                                           \
  template <class T, class U>                                                  \
  inline bool operator==(const name<T> &, const name<U> &) GC_NOEXCEPT {       \
    return true;                                                               \
  }                                                                            \
  template <class T, class U>                                                  \
  inline bool operator!=(const name<T> &, const name<U> &) GC_NOEXCEPT {       \
    return false;                                                              \
  }

GC_ALLOCATOR_CLASS(gc_allocator,
                   GC_selective_alloc(bytes, GC_type_traits<T>().GC_is_ptr_free,
                                      false))
GC_ALLOCATOR_CLASS(gc_allocator_ignore_off_page,
                   GC_selective_alloc(bytes, GC_type_traits<T>().GC_is_ptr_free,
                                      true))
GC_ALLOCATOR_CLASS(traceable_allocator,
                   GC_allocator_check(GC_MALLOC_UNCOLLECTABLE(bytes)))

#endif
