# SPDX-License-Identifier: MIT
# Run by gdb for one place: stops there, calls GC_collect in every mode, with
# gdb's own settings and by our command, then lets the program end.  A line for
# each call: PLACE MODE HOW CODE SECONDS; the shell looks at them.
import os
import time

import gdb

PLACES = {
    # place: commands that stop there
    "user": ["tbreak in_user_code", "run"],
    "other": ["tbreak in_user_code", "run", "thread 2"],
    "slow": ["tbreak cgc_heap_take_spans", "ignore $bpnum 5", "run"],
    "refill": ["tbreak cgc_cache_refill", "ignore $bpnum 5", "run"],
    "fast": ["tbreak in_user_code", "run", "tbreak malloc", "continue",
             "stepi 8"],
    "fast-end": ["tbreak in_user_code", "run", "tbreak malloc", "continue",
                 "stepi 16"],
    "free": ["tbreak in_user_code", "run", "tbreak free", "continue",
             "stepi 14"],
    "free-slow": ["tbreak cgc_cache_make_room", "run"],
    "roots": ["tbreak cgc_root_visit", "run"],
    "mark": ["tbreak cgc_workers_finish", "run"],
    "parked": ["tbreak cgc_workers_finish", "run",
               "python switch_to_parked()"],
    "weak": ["tbreak cgc_phase_weak", "run"],
    "sweep": ["tbreak cgc_sweep_span", "run"],
    "born": ["tbreak cgc_mutator_register", "ignore $bpnum 1", "run"],
    "start": ["tbreak in_thread_start", "run"],
    "end": ["tbreak in_thread_end", "run"],
    "gone": ["tbreak cgc_mutator_unregister", "run"],
    "loader": ["tbreak in_user_code", "run", "tbreak _dl_catch_exception",
               "continue"],
    "handler": ["tbreak in_handler", "run"],
    "syscall": ["catch syscall clock_nanosleep", "run"],
    "vfork": ["set follow-fork-mode child", "tbreak in_vfork_child", "run"],
    "atexit": ["tbreak in_atexit", "run"],
}


def is_parked(thread):
    thread.switch()
    frame = gdb.newest_frame()
    while frame and frame.name() not in ("park", "park_in_handler"):
        frame = frame.older()
    return frame is not None


def switch_to_parked():
    """The world is stopped by another thread than the one that is selected."""
    stopper = gdb.selected_thread()
    for thread in gdb.selected_inferior().threads():
        if thread.num != stopper.num and is_parked(thread):
            return
    raise gdb.GdbError("nobody is parked")


def plain():
    return int(gdb.parse_and_eval("((int (*)(void))GC_collect)()"))


def by_script():
    text = gdb.execute("gc collect", to_string=True)
    return 0 if "collected\n" in text and "not " not in text else -9


def with_string():
    """gdb calls malloc in the program for the string."""
    return int(gdb.parse_and_eval('((int (*)(char *))strlen)("abc")')) - 3


def stop(place):
    for command in PLACES[place]:
        gdb.execute(command, to_string=True)
    if not gdb.selected_inferior().pid:
        raise gdb.GdbError("never came to " + place)
    gdb.execute("delete")


def attempt(place, mode, how, function):
    gdb.execute("set scheduler-locking " + mode)
    began = time.time()
    try:
        code = str(function())
    except gdb.error as error:
        code = "error:" + str(error).split("\n", maxsplit=1)[0].replace(" ", "_")
    print("@", place, mode, how, code, "%.2f" % (time.time() - began))


def would_wait(mode):
    """For gdb's malloc: a thread that is held is inside the collector."""
    return mode == "on" and plain() == -3


def main(place):
    for setting in ("pagination off", "confirm off", "breakpoint pending on",
                    "print thread-events off", "debuginfod enabled off",
                    "env LD_PRELOAD " + os.environ["MATRIX_LIBRARY"],
                    "env CGC_TRIGGER 1M", "env CGC_VERIFY 1"):
        gdb.execute("set " + setting)
    gdb.execute("handle SIGUSR2 nostop noprint pass", to_string=True)
    stop(place)
    for mode in ("off", "on", "step"):
        attempt(place, mode, "plain", plain)
        attempt(place, mode, "script", by_script)
        if would_wait(mode):
            print("@", place, mode, "string not-asked 0")
        else:
            attempt(place, mode, "string", with_string)
    gdb.execute("set scheduler-locking off")
    while gdb.selected_inferior().pid:
        gdb.execute("continue", to_string=True)


main(os.environ["MATRIX_PLACE"])
