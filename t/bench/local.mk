# The benchmarks.  None of them is part of make check.  To be included behind
# the definitions of EXTRA_DIST and CLEANFILES.

BENCH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O2 -g -pthread \
  -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc \
  -fno-builtin-free -Wall -Wextra -Wshadow

# On a collector loaded by its path; on malloc; and what runs them.
BENCH_COLLECTOR = t/bench/mark t/bench/gcbench t/bench/alloc t/bench/pause
BENCH_PATTERNS = t/bench/malloc/small t/bench/malloc/server \
  t/bench/malloc/pipeline t/bench/malloc/storm t/bench/malloc/lifetimes \
  t/bench/malloc/bursts t/bench/malloc/large t/bench/malloc/grow \
  t/bench/malloc/zeroed t/bench/malloc/threads t/bench/malloc/phases \
  t/bench/back
BENCH_TOOLS = t/bench/turns t/bench/start t/bench/bare
# Under cgc run.
BENCH_VICTIMS = t/bench/look
BENCH_SHARED = t/bench/bench.h t/bench/bench.c
BENCH_LOADER = t/bench/collector.h t/bench/collector.c
BENCH_SHAPES = t/bench/shapes.h t/bench/shapes.c
t/bench/mark: $(BENCH_SHAPES)
BENCH_RUNNERS = t/bench/mark.sh t/bench/alloc.sh t/bench/malloc.sh \
  t/bench/start.sh t/bench/leak.sh t/bench/look.sh t/bench/pause.sh

$(BENCH_COLLECTOR): %: %.c $(BENCH_SHARED) $(BENCH_LOADER)
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(BENCH_CFLAGS) \
	  -I$(srcdir)/libcgc/include -o $@ $(srcdir)/$@.c \
	  $(srcdir)/t/bench/bench.c $(srcdir)/t/bench/collector.c \
	  $(filter %/shapes.c,$^) -lm
$(BENCH_PATTERNS): %: %.c $(BENCH_SHARED) t/bench/malloc/pattern.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(BENCH_CFLAGS) \
	  -o $@ $(srcdir)/$@.c $(srcdir)/t/bench/bench.c
# Static: a small parent, since what a child is said to have had at its peak is
# never less than what its parent has.
$(BENCH_TOOLS): %: %.c $(BENCH_SHARED)
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(BENCH_CFLAGS) -static \
	  -o $@ $(srcdir)/$@.c $(srcdir)/t/bench/bench.c
$(BENCH_VICTIMS): %: %.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(BENCH_CFLAGS) -o $@ $(srcdir)/$@.c
t/bench/measure: t/programs/measure.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -O2 -o $@ \
	  $(srcdir)/t/programs/measure.c

.PHONY: bench bench-programs bench-mark bench-clients bench-sizes \
  bench-small bench-alloc \
  bench-malloc bench-pause bench-start bench-leak bench-look
bench-programs: all $(BENCH_COLLECTOR) $(BENCH_PATTERNS) $(BENCH_TOOLS) \
  $(BENCH_VICTIMS) t/bench/measure
BENCH_ENV = top_srcdir='$(abs_top_srcdir)' \
  top_builddir='$(abs_top_builddir)'
bench-mark: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/mark.sh
bench-sizes: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/mark.sh --sizes
bench-small: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/mark.sh --small
bench-alloc: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/alloc.sh
bench-malloc: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/malloc.sh
bench-pause: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/pause.sh
bench-start: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/start.sh
bench-leak: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/leak.sh
bench-look: bench-programs
	$(AM_V_at)$(BENCH_ENV) $(srcdir)/t/bench/look.sh
# Debian's programs on both libraries; not of `bench', they are to be installed
# (./setup deps --clients).
bench-clients: all
	$(AM_V_at)LIB='$(abs_top_builddir)/.libs' REPS=3 WAYS=CGC_MARKERS=0 \
	  $(srcdir)/t/compat/clients/run-all.sh

# One after the other, whatever -j says.
bench: bench-programs
	for part in mark sizes small alloc malloc pause start leak look; do \
	  $(MAKE) $(AM_MAKEFLAGS) bench-$$part || exit 1; echo; \
	done

# The marker alone, linked with the modules: see the file.
t/bench/drain: t/bench/drain.c $(BENCH_SHAPES) $(BENCH_SHARED) \
  libcgc-unit.la
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(BENCH_CFLAGS) -I$(srcdir)/libcgc \
	  -I$(srcdir)/libcgc/include -I$(srcdir) -o $@ $(srcdir)/$@.c \
	  $(srcdir)/t/bench/shapes.c $(srcdir)/t/bench/bench.c \
	  .libs/libcgc-unit.a

EXTRA_DIST += t/bench/drain.c $(BENCH_COLLECTOR:=.c) $(BENCH_PATTERNS:=.c) \
  $(BENCH_TOOLS:=.c) $(BENCH_VICTIMS:=.c) $(BENCH_SHARED) $(BENCH_LOADER) $(BENCH_SHAPES) \
  $(BENCH_RUNNERS) t/bench/pause-svg.awk t/bench/pause.svg \
  t/bench/common.inc t/bench/leak/churn.c t/bench/leak/traps.c \
  t/bench/malloc/pattern.h t/bench/malloc/gawk.sh
CLEANFILES += t/bench/drain $(BENCH_COLLECTOR) $(BENCH_PATTERNS) $(BENCH_TOOLS) \
  $(BENCH_VICTIMS) t/bench/measure
