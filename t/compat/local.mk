# Tests of <gc.h>, a program for each module of COMPAT_MODULES.  They are built
# with our headers and run on both libraries: on ours as TESTS, on bdwgc's by
# t/compat/peer.sh.  To be included behind the definitions of check_PROGRAMS and
# CHECK_LIBS.

COMPAT_TESTS = t/compat/variable t/compat/message t/compat/memory t/compat/collect t/compat/start \
  t/compat/descriptor t/compat/kinds t/compat/typed t/compat/gcj \
  t/compat/closure t/compat/toggleref
COMPAT_TEST_LIBS = libgc.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(COMPAT_TESTS)
endif

t_compat_variable_SOURCES = t/compat/variable.c t/compat/contract.h
t_compat_variable_LDADD = $(COMPAT_TEST_LIBS)
t_compat_message_SOURCES = t/compat/message.c t/compat/contract.h
t_compat_message_LDADD = $(COMPAT_TEST_LIBS)
t_compat_memory_SOURCES = t/compat/memory.c t/compat/contract.h
t_compat_memory_LDADD = $(COMPAT_TEST_LIBS)
t_compat_collect_SOURCES = t/compat/collect.c t/compat/contract.h
t_compat_collect_LDADD = $(COMPAT_TEST_LIBS)
t_compat_start_SOURCES = t/compat/start.c t/compat/contract.h
t_compat_start_LDADD = $(COMPAT_TEST_LIBS)
t_compat_descriptor_SOURCES = t/compat/descriptor.c t/compat/contract.h
t_compat_descriptor_LDADD = $(COMPAT_TEST_LIBS)
t_compat_kinds_SOURCES = t/compat/kinds.c t/compat/contract.h
t_compat_kinds_LDADD = $(COMPAT_TEST_LIBS)
t_compat_typed_SOURCES = t/compat/typed.c t/compat/contract.h
t_compat_typed_LDADD = $(COMPAT_TEST_LIBS)
t_compat_gcj_SOURCES = t/compat/gcj.c t/compat/contract.h
t_compat_gcj_LDADD = $(COMPAT_TEST_LIBS)
t_compat_closure_SOURCES = t/compat/closure.c t/compat/contract.h
t_compat_closure_LDADD = $(COMPAT_TEST_LIBS)
t_compat_toggleref_SOURCES = t/compat/toggleref.c t/compat/contract.h
t_compat_toggleref_LDADD = $(COMPAT_TEST_LIBS)
