# Tests of the whole library through <cgc.h>, linked with the shared library.
# GC_TESTS speak TAP, as libcheck writes it.  To be included behind the
# definitions of check_PROGRAMS, EXTRA_DIST and CHECK_LIBS.

GC_TESTS = t/gc/reclaim t/gc/final t/gc/heap t/gc/written
GC_TEST_LIBS = libcgc.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(GC_TESTS)
endif

t_gc_reclaim_SOURCES = t/gc/reclaim.c t/gc/gctest.h
t_gc_reclaim_LDADD = $(GC_TEST_LIBS)
t_gc_final_SOURCES = t/gc/final.c t/gc/gctest.h
t_gc_final_LDADD = $(GC_TEST_LIBS)
t_gc_heap_SOURCES = t/gc/heap.c t/gc/gctest.h
t_gc_heap_LDADD = $(GC_TEST_LIBS)
t_gc_written_SOURCES = t/gc/written.c t/gc/gctest.h
t_gc_written_LDADD = $(GC_TEST_LIBS)
