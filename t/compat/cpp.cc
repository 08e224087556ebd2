/* SPDX-License-Identifier: MIT */
/* gc_cpp.h and gc_allocator.h; speaks TAP. */
#include <gc_cpp.h>

#include <gc/gc_allocator.h>

#include "../scrub.h"

#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <vector>

enum { MANY = 2000 };

static int nended, nchecks, failures;

static void check(bool ok, const char *what) {
  std::printf("%s %d - %s\n", ok ? "ok" : "not ok", ++nchecks, what);
  failures += !ok;
}

struct plain : gc {
  plain *next;
};

struct ending : gc_cleanup {
  int number;
  explicit ending(int n) : number(n) {}
  ~ending() { nended++; }
};

static void __attribute__((noinline)) lose_many() {
  for (int i = 0; i < MANY; i++)
    new ending(i);
}

static void on_end(void *obj, void *data) {
  (void)obj;
  ++*static_cast<int *>(data);
}

static void __attribute__((noinline)) lose_placed(int *n) {
  for (int i = 0; i < MANY; i++)
    new (GC, on_end, n) double(1.5);
}

static void collect() {
  scrub(32768);
  GC_gcollect();
  GC_invoke_finalizers();
}

static void check_objects() {
  plain *list = nullptr;
  for (int i = 0; i < MANY; i++) {
    plain *p = new plain;
    p->next = list;
    list = p;
  }
  collect();
  int n = 0;
  for (; list; list = list->next)
    n++;
  check(n == MANY, "a list of gc objects survives");
  lose_many();
  collect();
  check(nended >= MANY * 9 / 10, "destructors of lost objects run");
  static int nplaced; /* some may be lost as late as in another check */
  lose_placed(&nplaced);
  collect();
  check(nplaced >= MANY * 9 / 10, "clean-up functions run");
  int before = nended;
  delete new ending(1);
  check(nended == before + 1, "delete runs the destructor once");
}

/* A sanitizer brings a new of its own, whose memory nobody scans. */
extern "C" void __asan_init() __attribute__((weak));

static void check_containers() {
  if (__asan_init)
    return;
  std::vector<int, gc_allocator<int>> numbers;
  std::list<char *, traceable_allocator<char *>> texts;
  std::map<int, char *> *map = new std::map<int, char *>; /* libgccpp's new */
  for (int i = 0; i < MANY; i++) {
    numbers.push_back(i);
    texts.push_back(GC_STRDUP("text"));
    (*map)[i] = GC_STRDUP("mapped");
  }
  collect();
  for (int i = 0; i < MANY; i++)
    std::memset(GC_MALLOC_ATOMIC(5), 'x', 5);
  bool same = true;
  for (int i = 0; i < MANY; i++)
    same = same && numbers[i] == i && !std::strcmp((*map)[i], "mapped");
  for (const char *text : texts)
    same = same && !std::strcmp(text, "text");
  check(same, "containers keep what they hold");
  delete map;
}

int main() {
  GC_INIT();
  check_objects();
  check_containers();
  std::printf("1..%d\n", nchecks);
  return failures != 0;
}
