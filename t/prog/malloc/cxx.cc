// SPDX-License-Identifier: MIT
// C++ operator new and delete in all their forms, bad_alloc and new_handler;
// containers that hold the only pointers; exceptions in flight over garbage.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static int nwrong;

static void expect(bool good, const char *what) {
  if (!good)
    nwrong += std::printf("wrong: %s\n", what) > 0;
}

// As much of AMOUNT as CHAIN_PERCENT says (roots/chain.h).
static size_t part_of(size_t amount) {
  const char *percent = getenv("CHAIN_PERCENT");
  return percent ? amount * strtoul(percent, nullptr, 10) / 100 : amount;
}

static void garbage(size_t nmib) {
  for (size_t left = part_of(nmib << 20), n = 0; left >> 12; n++) {
    size_t size = 16 + n * 7919 % 2000;
    void *p = std::malloc(size);
    std::memset(p, 0xdb, size);
    left -= size;
  }
}

struct alignas(256) wide {
  char bytes[256];
};

template <typename T> static void keep(T *p) {
  asm volatile("" : : "r"(p) : "memory");
}

static void operators() {
  for (size_t size = 0; size < 100000; size += 1 + size / 3) {
    void *p = ::operator new(size);
    expect(p && (uintptr_t)p % 16 == 0, "operator new");
    std::memset(p, 1, size);
#ifdef __cpp_sized_deallocation
    if (size % 2)
      ::operator delete(p, size);
    else
#endif
      ::operator delete(p);
    p = ::operator new[](size, std::nothrow);
    expect(p != nullptr, "nothrow operator new[]");
    ::operator delete[](p, std::nothrow);
    p = ::operator new(size, std::align_val_t(512));
    expect((uintptr_t)p % 512 == 0, "aligned operator new");
    ::operator delete(p, std::align_val_t(512));
  }
  auto *w = new wide[3];
  keep(w);
  expect((uintptr_t)w % 256 == 0, "new of an over-aligned type");
  delete[] w;
  void *a = ::operator new(0), *b = ::operator new(0);
  expect(a && b && a != b, "operator new(0)");
  ::operator delete(a);
  ::operator delete(b);
}

static int nhandled;

static void handler() {
  if (++nhandled == 3)
    std::set_new_handler(nullptr);
}

static void failures() {
  volatile size_t most = PTRDIFF_MAX - 64;
  bool thrown = false;
  try {
    keep(::operator new(most));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  expect(thrown, "bad_alloc");
  expect(!::operator new(most, std::nothrow), "nothrow gives null");
  std::set_new_handler(handler);
  thrown = false;
  try {
    keep(::operator new(most));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  expect(thrown && nhandled == 3, "new_handler");
}

static void containers() {
  std::map<int, std::string> tree;
  std::unordered_map<std::string, std::unique_ptr<std::vector<int>>> table;
  std::vector<std::function<int()>> closures;
  const int n = (int)part_of(5000);
  for (int i = 0; i < n; i++) {
    std::string text = "a text longer than the short form " + std::to_string(i);
    tree[i * 7919 % n] = text;
    table[text] = std::make_unique<std::vector<int>>(20, i);
    closures.push_back([text, i] { return (int)text.size() + i; });
  }
  garbage(200);
  for (int i = 0; i < n; i++) {
    std::string text = "a text longer than the short form " + std::to_string(i);
    expect(tree[i * 7919 % n] == text, "map");
    auto it = table.find(text);
    expect(it != table.end() && (*it->second)[19] == i, "unordered_map");
    expect(closures[(size_t)i]() == (int)text.size() + i, "closure");
  }
}

struct failure {
  std::shared_ptr<std::vector<int>> data;
};

static thread_local std::unique_ptr<std::string> local;

static void throw_over_garbage(int depth) {
  struct on_unwind {
    ~on_unwind() { garbage(20); }
  } guard;
  keep(&guard);
  if (depth == 0)
    throw failure{std::make_shared<std::vector<int>>(1000, 42)};
  throw_over_garbage(depth - 1);
}

// The exception is held by the run-time's thread-local list alone.
static void exceptions() {
  std::exception_ptr kept;
  try {
    throw_over_garbage(5);
  } catch (const failure &f) {
    garbage(30);
    expect((*f.data)[999] == 42, "exception in flight");
    kept = std::current_exception();
  }
  garbage(30);
  try {
    std::rethrow_exception(kept);
  } catch (const failure &f) {
    expect((*f.data)[0] == 42, "exception thrown again");
  }
}

static void threads() {
  auto answer = std::async(std::launch::async, [] {
    local = std::make_unique<std::string>("a thread's own text of some length");
    garbage(60);
    return *local + "!";
  });
  garbage(60);
  expect(answer.get() == "a thread's own text of some length!", "future");
}

int main() {
  operators();
  failures();
  containers();
  exceptions();
  threads();
  if (!nwrong)
    std::puts("ok");
  return nwrong != 0;
}
