/* SPDX-License-Identifier: MIT */
/*
 * gc_cpp.h - objects of C++ on the collected heap.
 *
 *   class A : public gc {};          new A is collected
 *   class B : public gc_cleanup {};  and its destructor runs when it is lost
 *   new (GC) T, new (PointerFreeGC) T, new (NoGC) T    for any type
 *
 * The plain operator new and delete are uncollectable memory: link with
 * -lgccpp.  A program defines before this header: GC_NAMESPACE (the names are
 * in namespace boehmgc), GC_NAME_CONFLICT (UseGC alone, no GC),
 * GC_ATOMIC_UNCOLLECTABLE (PointerFreeNoGC), GC_INCLUDE_NEW,
 * GC_NEW_ABORTS_ON_OOM, GC_NO_INLINE_STD_NEW.
 */
#ifndef GC_CPP_H
#define GC_CPP_H

#include "gc.h"

#ifdef GC_NAMESPACE
#define GC_NS_QUALIFY(T) boehmgc::T
#else
#define GC_NS_QUALIFY(T) T
#endif

#define GC_cdecl GC_CALLBACK
#define GC_OPERATOR_NEW_ARRAY
#define GC_PLACEMENT_DELETE

#ifdef GC_NEW_ABORTS_ON_OOM
#define GC_OP_NEW_OOM_CHECK(obj)                                               \
  do {                                                                         \
    if (!(obj))                                                                \
      GC_abort_on_oom();                                                       \
  } while (0)
#elif defined(GC_INCLUDE_NEW)
#include <new>
#define GC_OP_NEW_OOM_CHECK(obj)                                               \
  do {                                                                         \
    if (!(obj))                                                                \
      throw std::bad_alloc();                                                  \
  } while (0)
#else
/* Throw std::bad_alloc, for sources compiled without <new>. */
GC_API void GC_CALL GC_throw_bad_alloc();
#define GC_OP_NEW_OOM_CHECK(obj)                                               \
  do {                                                                         \
    if (!(obj))                                                                \
      GC_throw_bad_alloc();                                                    \
  } while (0)
#endif

#ifdef GC_NAMESPACE
namespace boehmgc {
#endif

enum GCPlacement {
  UseGC,
#ifndef GC_NAME_CONFLICT
  GC = UseGC,
#endif
  NoGC,
  PointerFreeGC
#ifdef GC_ATOMIC_UNCOLLECTABLE
  ,
  PointerFreeNoGC
#endif
};

extern "C" {
typedef void(GC_CALLBACK *GCCleanUpFunc)(void *obj, void *clientData);
}

inline void *GC_cpp_new(size_t size, GCPlacement where) {
  void *obj;
  if (where == UseGC)
    obj = GC_MALLOC(size);
  else if (where == PointerFreeGC)
    obj = GC_MALLOC_ATOMIC(size);
#ifdef GC_ATOMIC_UNCOLLECTABLE
  else if (where == PointerFreeNoGC)
    obj = GC_MALLOC_ATOMIC_UNCOLLECTABLE(size);
#endif
  else
    obj = GC_MALLOC_UNCOLLECTABLE(size);
  GC_OP_NEW_OOM_CHECK(obj);
  return obj;
}

class gc {
public:
  void *operator new(size_t size) { return GC_cpp_new(size, UseGC); }
  void *operator new(size_t size, GCPlacement where) {
    return GC_cpp_new(size, where);
  }
  void *operator new(size_t, void *p) GC_NOEXCEPT { return p; }
  void operator delete(void *obj) GC_NOEXCEPT { GC_FREE(obj); }
  void operator delete(void *obj, GCPlacement) GC_NOEXCEPT { GC_FREE(obj); }
  void operator delete(void *, void *) GC_NOEXCEPT {}
  void *operator new[](size_t size) { return GC_cpp_new(size, UseGC); }
  void *operator new[](size_t size, GCPlacement where) {
    return GC_cpp_new(size, where);
  }
  void *operator new[](size_t, void *p) GC_NOEXCEPT { return p; }
  void operator delete[](void *obj) GC_NOEXCEPT { GC_FREE(obj); }
  void operator delete[](void *obj, GCPlacement) GC_NOEXCEPT { GC_FREE(obj); }
  void operator delete[](void *, void *) GC_NOEXCEPT {}
};

/* In an object of another one the finalizer is the outer object's; the first
   to be made keeps it. */
class gc_cleanup : virtual public gc {
public:
  inline gc_cleanup();
  inline virtual ~gc_cleanup();

private:
  static void GC_cdecl cleanup(void *obj, void *displacement) {
    reinterpret_cast<gc_cleanup *>(static_cast<char *>(obj) +
                                   reinterpret_cast<ptrdiff_t>(displacement))
        ->~gc_cleanup();
  }
};

inline gc_cleanup::gc_cleanup() {
  GC_finalization_proc old_fn = 0;
  void *old_data = 0;
  void *me = reinterpret_cast<void *>(this);
  void *base = GC_base(me);
  if (!base)
    return;
  GC_REGISTER_FINALIZER_IGNORE_SELF(
      base, cleanup,
      reinterpret_cast<void *>(static_cast<char *>(me) -
                               static_cast<char *>(base)),
      &old_fn, &old_data);
  if (old_fn)
    GC_REGISTER_FINALIZER_IGNORE_SELF(base, old_fn, old_data, 0, 0);
}

inline gc_cleanup::~gc_cleanup() {
  void *base = GC_base(reinterpret_cast<void *>(this));
  if (base)
    GC_REGISTER_FINALIZER_IGNORE_SELF(base, 0, 0, 0, 0);
}

#ifdef GC_NAMESPACE
}
#endif

/* CLEANUP(object, clientData) runs when the object is lost. */
inline void *operator new(size_t size, GC_NS_QUALIFY(GCPlacement) where,
                          GC_NS_QUALIFY(GCCleanUpFunc) cleanup = 0,
                          void *clientData = 0) {
  void *obj = GC_NS_QUALIFY(GC_cpp_new)(size, where);
  if (cleanup &&
      (where == GC_NS_QUALIFY(UseGC) || where == GC_NS_QUALIFY(PointerFreeGC)))
    GC_REGISTER_FINALIZER_IGNORE_SELF(obj, cleanup, clientData, 0, 0);
  return obj;
}

inline void operator delete(void *obj, GC_NS_QUALIFY(GCPlacement),
                            GC_NS_QUALIFY(GCCleanUpFunc), void *) GC_NOEXCEPT {
  GC_FREE(obj);
}

inline void *operator new[](size_t size, GC_NS_QUALIFY(GCPlacement) where,
                            GC_NS_QUALIFY(GCCleanUpFunc) cleanup = 0,
                            void *clientData = 0) {
  return ::operator new(size, where, cleanup, clientData);
}

inline void operator delete[](void *obj, GC_NS_QUALIFY(GCPlacement),
                              GC_NS_QUALIFY(GCCleanUpFunc),
                              void *) GC_NOEXCEPT {
  GC_FREE(obj);
}

#endif
