#!/bin/sh
# Print local.mk from what stands in this directory: sh mk-local.sh >local.mk
cd "$(dirname "$0")" || exit 1

wrap() { # NAME, words on stdin
  awk -v name="$1" 'BEGIN { line = name " =" }
    { if (length(line) + length($1) > 76) { print line " \\"; line = " " }
      line = line " " $1 }
    END { print line }'
}

cat <<'EOF'
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

EOF
ls ./*.c roots/*.c notice/*.c malloc/*.c | grep -v /mod_ |
  sed 's|^\./||; s|^\(.*\)\.c$|t/prog/\1|' | wrap VICTIMS
ls malloc/*.cc | sed 's|^\(.*\)\.cc$|t/prog/\1|' | wrap VICTIMS_CXX
ls roots/mod_*.c | sed 's|.*/\(.*\)\.c|t/prog/\1.so|' | wrap VICTIM_MODULES
ls roots/*.h notice/*.h malloc/*.h | sed 's|^|t/prog/|' | wrap VICTIM_INCLUDES
ls roots/mod_*.c malloc/*.cc victims.txt run.sh mk-local.sh check-* |
  sed 's|^|t/prog/|' | wrap VICTIM_FILES
cat <<'EOF'

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
EOF
