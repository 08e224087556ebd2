# The victims: programs that know nothing of the collector, run with the library
# preloaded.  Written by t/prog/mk-local.sh.
#
# They are built when a test that runs them is, with plain flags, and not linked
# with the library.  VICTIM_TESTS speak TAP on standard output.
#
# Defines VICTIM_TESTS, adds to EXTRA_DIST, CLEANFILES and the dependencies of
# the tests' logs.

VICTIM_CFLAGS = -std=gnu11 -O2 -g -pthread $(VICTIM_WARNINGS) \
  $(VICTIM_FAMILY:%=-fno-builtin-%)
VICTIM_FAMILY = malloc calloc realloc reallocarray free memalign valloc \
  pvalloc aligned_alloc posix_memalign
VICTIM_CXXFLAGS = -std=c++17 -O2 -g -pthread $(VICTIM_WARNINGS)
VICTIM_WARNINGS = -Wall -Wextra -Wshadow

VICTIM_TESTS = t/prog/check-roots t/prog/check-beside t/prog/check-notice \
  t/prog/check-malloc t/prog/check-long

VICTIMS = t/prog/leak10g t/prog/mutator t/prog/storm t/prog/malloc/bad_free \
  t/prog/malloc/contents t/prog/malloc/contract t/prog/malloc/deepbind \
  t/prog/malloc/foreign t/prog/malloc/limit t/prog/malloc/limit_freed \
  t/prog/malloc/reclaim t/prog/malloc/short_threads t/prog/malloc/untouched \
  t/prog/notice/eintr_forever t/prog/notice/eintr_own \
  t/prog/notice/eintr_timed t/prog/notice/errno_kept t/prog/notice/exec \
  t/prog/notice/jumped t/prog/notice/modules t/prog/notice/partial \
  t/prog/notice/quiet t/prog/notice/setxid t/prog/notice/signalfd \
  t/prog/notice/signals t/prog/notice/threads t/prog/roots/atexit_args \
  t/prog/roots/before_start t/prog/roots/biased t/prog/roots/blocked_signals \
  t/prog/roots/brk_area t/prog/roots/code t/prog/roots/context_malloc \
  t/prog/roots/context_mmap t/prog/roots/context_stopped t/prog/roots/data \
  t/prog/roots/data_dlopen t/prog/roots/dtv_cached t/prog/roots/early_malloc \
  t/prog/roots/environ t/prog/roots/epoll_data t/prog/roots/fork_busy \
  t/prog/roots/fork_child t/prog/roots/handler_malloc t/prog/roots/holders \
  t/prog/roots/interior t/prog/roots/keys t/prog/roots/libc_malloc \
  t/prog/roots/libc_state t/prog/roots/loader t/prog/roots/main_exited \
  t/prog/roots/mmap_anon t/prog/roots/mmap_file t/prog/roots/mmap_sealed \
  t/prog/roots/mmap_shared t/prog/roots/mmap_truncated t/prog/roots/mq_notify \
  t/prog/roots/one_past_end t/prog/roots/own_handlers t/prog/roots/packed \
  t/prog/roots/pipe t/prog/roots/qsort t/prog/roots/raw_clone \
  t/prog/roots/red_zone t/prog/roots/registers t/prog/roots/registers_blocked \
  t/prog/roots/relative t/prog/roots/relro t/prog/roots/search \
  t/prog/roots/setjmp t/prog/roots/sigaltstack t/prog/roots/sigaltstack_idle \
  t/prog/roots/sigqueue t/prog/roots/stacks t/prog/roots/stdio_files \
  t/prog/roots/tag_high t/prog/roots/thread_arg t/prog/roots/thread_retval \
  t/prog/roots/timer_signal t/prog/roots/timer_thread t/prog/roots/tls_dlopen \
  t/prog/roots/tls_dtors t/prog/roots/tls_static t/prog/roots/tss \
  t/prog/roots/unaligned t/prog/roots/vectors t/prog/roots/vfork_exec \
  t/prog/roots/xored
VICTIMS_CXX = t/prog/malloc/cxx
VICTIM_MODULES = t/prog/mod_data.so t/prog/mod_free.so t/prog/mod_relro.so \
  t/prog/mod_tls.so
VICTIM_INCLUDES = t/prog/malloc/expect.h t/prog/notice/notice.h \
  t/prog/roots/area.h t/prog/roots/chain.h t/prog/roots/context.h \
  t/prog/roots/hold.h t/prog/roots/module.h
VICTIM_FILES = t/prog/check-beside t/prog/check-long t/prog/check-malloc \
  t/prog/check-notice t/prog/check-roots t/prog/malloc/cxx.cc \
  t/prog/mk-local.sh t/prog/roots/mod_data.c t/prog/roots/mod_free.c \
  t/prog/roots/mod_relro.c t/prog/roots/mod_tls.c t/prog/run.sh \
  t/prog/victims.txt

$(VICTIMS): %: %.c $(VICTIM_INCLUDES)
	$(AM_V_CC)$(MKDIR_P) $(@D) && \
	  $(CC) $(VICTIM_CFLAGS) -o $@ $(srcdir)/$@.c

$(VICTIMS_CXX): %: %.cc
	$(AM_V_CXX)$(MKDIR_P) $(@D) && \
	  $(CXX) $(VICTIM_CXXFLAGS) -o $@ $(srcdir)/$@.cc

$(VICTIM_MODULES): t/prog/%.so: t/prog/roots/%.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(VICTIM_CFLAGS) -shared -fPIC \
	  -o $@ $(srcdir)/t/prog/roots/$*.c

.PHONY: victims
victims: $(VICTIMS) $(VICTIMS_CXX) $(VICTIM_MODULES)

t/prog/check-roots.log t/prog/check-beside.log t/prog/check-notice.log \
  t/prog/check-malloc.log t/prog/check-long.log: $(VICTIMS) $(VICTIMS_CXX) \
  $(VICTIM_MODULES)

EXTRA_DIST += $(VICTIMS:=.c) $(VICTIM_INCLUDES) $(VICTIM_FILES)
CLEANFILES += $(VICTIMS) $(VICTIMS_CXX) $(VICTIM_MODULES)
