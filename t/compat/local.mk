# Tests of <gc.h>, a program for each module of COMPAT_MODULES.  They are built
# with our headers and run on both libraries: on ours as TESTS, on bdwgc's by
# t/compat/peer.sh.  To be included behind the definitions of check_PROGRAMS and
# CHECK_LIBS.

COMPAT_TESTS = t/compat/variable t/compat/message t/compat/guard \
  t/compat/memory t/compat/pointer t/compat/bottom t/compat/pthread \
  t/compat/segment t/compat/finalizer t/compat/growth t/compat/event \
  t/compat/usage t/compat/setting t/compat/collect t/compat/suspend \
  t/compat/environment t/compat/start \
  t/compat/descriptor t/compat/kinds t/compat/typed t/compat/gcj \
  t/compat/closure t/compat/toggleref t/compat/header t/compat/smash \
  t/compat/debug t/compat/reachable t/compat/backptr \
  t/compat/lost
COMPAT_TEST_LIBS = libgc.la $(CHECK_LIBS)

check_PROGRAMS += t/compat/cpp
t_compat_cpp_SOURCES = t/compat/cpp.cc
t_compat_cpp_CXXFLAGS = -std=gnu++14 $(CGC_SANITIZE)
t_compat_cpp_LDADD = libgccpp.la libgc.la

if HAVE_CHECK
check_PROGRAMS += $(COMPAT_TESTS)
endif

t_compat_variable_SOURCES = t/compat/variable.c t/compat/contract.h
t_compat_variable_LDADD = $(COMPAT_TEST_LIBS)
t_compat_message_SOURCES = t/compat/message.c t/compat/contract.h
t_compat_message_LDADD = $(COMPAT_TEST_LIBS)
t_compat_guard_SOURCES = t/compat/guard.c t/compat/contract.h
t_compat_guard_LDADD = $(COMPAT_TEST_LIBS)
t_compat_memory_SOURCES = t/compat/memory.c t/compat/contract.h
t_compat_memory_LDADD = $(COMPAT_TEST_LIBS)
t_compat_pointer_SOURCES = t/compat/pointer.c t/compat/contract.h
t_compat_pointer_LDADD = $(COMPAT_TEST_LIBS)
t_compat_bottom_SOURCES = t/compat/bottom.c t/compat/contract.h
t_compat_bottom_LDADD = $(COMPAT_TEST_LIBS)
t_compat_pthread_SOURCES = t/compat/pthread.c t/compat/contract.h
t_compat_pthread_LDADD = $(COMPAT_TEST_LIBS)
t_compat_segment_SOURCES = t/compat/segment.c t/compat/contract.h
t_compat_segment_LDADD = $(COMPAT_TEST_LIBS)
t_compat_finalizer_SOURCES = t/compat/finalizer.c t/compat/contract.h
t_compat_finalizer_LDADD = $(COMPAT_TEST_LIBS)
t_compat_growth_SOURCES = t/compat/growth.c t/compat/contract.h
t_compat_growth_LDADD = $(COMPAT_TEST_LIBS)
t_compat_event_SOURCES = t/compat/event.c t/compat/contract.h
t_compat_event_LDADD = $(COMPAT_TEST_LIBS)
t_compat_usage_SOURCES = t/compat/usage.c t/compat/contract.h
t_compat_usage_LDADD = $(COMPAT_TEST_LIBS)
t_compat_setting_SOURCES = t/compat/setting.c t/compat/contract.h
t_compat_setting_LDADD = $(COMPAT_TEST_LIBS)
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
t_compat_header_SOURCES = t/compat/header.c t/compat/contract.h \
  t/compat/capture.h t/compat/allocs.h
t_compat_header_LDADD = $(COMPAT_TEST_LIBS)
t_compat_smash_SOURCES = t/compat/smash.c t/compat/contract.h t/compat/capture.h
t_compat_smash_LDADD = $(COMPAT_TEST_LIBS)
t_compat_debug_SOURCES = t/compat/debug.c t/compat/contract.h \
  t/compat/capture.h t/compat/allocs.h
t_compat_debug_LDADD = $(COMPAT_TEST_LIBS)
t_compat_reachable_SOURCES = t/compat/reachable.c t/compat/contract.h
t_compat_reachable_LDADD = $(COMPAT_TEST_LIBS)
t_compat_backptr_SOURCES = t/compat/backptr.c t/compat/contract.h
t_compat_backptr_LDADD = $(COMPAT_TEST_LIBS)
t_compat_lost_SOURCES = t/compat/lost.c t/compat/contract.h t/compat/capture.h
t_compat_lost_LDADD = $(COMPAT_TEST_LIBS)
t_compat_environment_SOURCES = t/compat/environment.c t/compat/contract.h
t_compat_environment_LDADD = $(COMPAT_TEST_LIBS)
t_compat_suspend_SOURCES = t/compat/suspend.c t/compat/contract.h
t_compat_suspend_LDADD = $(COMPAT_TEST_LIBS)
