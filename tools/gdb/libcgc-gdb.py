# SPDX-License-Identifier: MIT
"""
gdb commands for programs that run on libcgc; see cgc-gdb(7).

    gc info | spans | addr X | refs X [-from] | why X | leaks | histogram
       | objects | roots | threads | check          any time, cores too
    gc collect | request | dump                     run code in the program
    $gc_base(x)  $gc_size(x)  $gc_live(x)

Nothing here needs debug information: all is read by the table that the library
exports as cgc_debug_root (libcgc/look/layout.h).  What has to look at the whole
heap is done by the program cgc-heap, on the process or core that gdb has; it
is told the registers, since only a debugger can read those of what it holds.
"""

import os
import shlex
import struct
import subprocess
import tempfile

import gdb

HERE = os.path.dirname(os.path.realpath(__file__))
MAGIC = 0x31746F6F72636763
ABI = 1
HEAD = struct.Struct("<QIIQ16sII")
ENTRY = struct.Struct("<40sQQ")
GENERAL = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15"
           .split())  # in cgc-heap's order
HEAVY = ("info spans addr refs why leaks histogram objects roots threads "
         "check").split()
CODES = {
    -1: "not collected: collections are disabled, or there is no memory",
    -2: "not collected: stopped inside the collector: 'finish', or 'gc request'",
    -3: "not collected: a thread that is held is inside the collector: "
        "'gc request'",
    -4: "not collected: threads are held",
}


# ---- memory and layout ------------------------------------------------------

def read(addr, n):
    return bytes(gdb.selected_inferior().read_memory(addr, n))


def word(addr, width=8):
    return int.from_bytes(read(addr, width), "little")


def address_of(symbol):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&%s" % symbol))
    except gdb.error:
        raise gdb.GdbError("no libcgc in this program (no %s)" % symbol)


def to_address(value):
    """An address, a pointer, or an array for its first element."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        value = value.address
    return int(value.cast(gdb.lookup_type("unsigned long")))


class Layout:
    """The table of names: offsets, sizes, numbers, addresses."""

    def __init__(self):
        root = address_of("cgc_debug_root")
        magic, abi, n, own, version, _, ready = HEAD.unpack(
            read(root, HEAD.size))
        if magic != MAGIC or own != root or abi != ABI:
            raise gdb.GdbError("the library's cgc_debug_root is of another "
                               "version than this script")
        if not ready:
            raise gdb.GdbError("libcgc is loaded, but there is no heap yet")
        table = read(root + HEAD.size, n * ENTRY.size)
        self.entries = {}
        for name, value, width in ENTRY.iter_unpack(table):
            self.entries[name.rstrip(b"\0").decode()] = (value, width)

    def __getitem__(self, name):
        return self.entries[name][0]

    def field(self, addr, name):
        value, width = self.entries[name]
        return word(addr + value, width)

    def block(self, addr):
        """(base, size, state) of the block that ADDR points into, or None."""
        arena = self["@heap"] + self["heap.arena"]
        offset = addr - self.field(arena, "arena.base")
        if not 0 <= offset < self.field(arena, "arena.heap_bytes"):
            return None
        page = offset >> self["page_shift"]
        if not word(self.field(arena, "arena.desc") + 4 * page, 4) & 127:
            return None
        span = word(self.field(arena, "arena.spans") + 8 * page)
        base = self.field(span, "span.base")
        size = self.field(span, "span.slot_size")
        if size == 0 or addr < base:
            return None
        slot = (addr - base) // size
        if slot >= self.field(span, "span.nslots"):
            return None
        state = word(span + self["span_slots"] + slot, 1)
        return base + slot * size, size, state


# ---- convenience functions --------------------------------------------------

class BlockFunction(gdb.Function):
    def __init__(self, name, answer, doc):
        self.__doc__ = doc
        self.answer = answer
        super().__init__(name)

    def invoke(self, value):
        layout = Layout()
        block = layout.block(to_address(value))
        return self.answer(layout, block)


def base_of(_, block):
    return block[0] if block else 0


def size_of(_, block):
    return block[1] if block else 0


def is_live(layout, block):
    return int(bool(block and block[2] & layout["slot_live"]))


# ---- registers --------------------------------------------------------------

def vector_words(frame):
    """The words of ymm0..15, or of xmm0..15."""
    for name, part, n in (("ymm%d", "v4_int64", 4), ("xmm%d", "v2_int64", 2)):
        try:
            words = []
            for i in range(16):
                value = frame.read_register(name % i)[part]
                words += [int(value[k]) & (2**64 - 1) for k in range(n)]
            return words
        except (gdb.error, ValueError, KeyError):
            continue
    return []


def all_registers(own_only=False):
    """For each thread, or the selected one, (tid, sp, fs_base, words)."""
    was = gdb.selected_thread()
    result = []
    try:
        for thread in gdb.selected_inferior().threads():
            if own_only and thread.ptid != was.ptid:
                continue
            thread.switch()
            frame = gdb.newest_frame()
            words = [int(frame.read_register(r)) & (2**64 - 1)
                     for r in GENERAL]
            fs = int(frame.read_register("fs_base")) & (2**64 - 1)
            words.append(int(frame.read_register("rip")))
            result.append((thread.ptid[1] or thread.ptid[0],
                           words[GENERAL.index("rsp")], fs,
                           words + vector_words(frame)))
    finally:
        if was:
            was.switch()
    return result


# ---- the engine -------------------------------------------------------------

def engine():
    """The program cgc-heap: where it is said to be, or was installed."""
    names = [os.environ.get("LIBCGC_HEAP_TOOL"),
             os.path.join(HERE, "cgc-heap"), "@PKGLIBEXECDIR@/cgc-heap"]
    for name in names:
        if name and os.access(name, os.X_OK):
            return name
    raise gdb.GdbError("can't find cgc-heap; set the environment variable "
                       "LIBCGC_HEAP_TOOL to its path")


def core_file():
    lines = gdb.execute("info files", to_string=True).splitlines()
    for header, line in zip(lines, lines[1:]):
        if header.startswith("Local core dump file:"):
            return line.split("`")[-1].split("'")[0]
    return None


def run_engine(target, args):
    """ARGS: options, then the command and what it takes."""
    done = subprocess.run([engine(), target] + args,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def ask_process(args):
    with tempfile.NamedTemporaryFile("w", suffix=".regs") as f:
        for tid, _, fs, words in all_registers():
            f.write(" ".join([str(tid)] + ["0x%x" % w for w in [fs] + words])
                    + "\n")
        f.flush()
        pid = str(gdb.selected_inferior().pid)
        return run_engine(pid, ["--registers=" + f.name] + args)


def ask_snapshot(args):
    """Where gdb may read the process, but its children may not."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "core")
        gdb.execute("generate-core-file " + path, to_string=True)
        return run_engine(path, args)


def ask(args):
    core = core_file()
    if core:
        code, text = run_engine(core, args)
    elif gdb.selected_inferior().pid:
        code, text = ask_process(args)
        if code and "can't be held" in text:
            code, text = ask_snapshot(args)
    else:
        raise gdb.GdbError("the program is not being run")
    gdb.write(text)


# ---- calls into the program -------------------------------------------------

class Quiet:
    """No breakpoint stops a call, and gdb's settings are put back."""

    def __init__(self):
        self.breakpoints = []
        self.settings = {}

    def set(self, name, value):
        if name not in self.settings:
            self.settings[name] = gdb.parameter(name)
        gdb.execute("set %s %s" % (name, value), to_string=True)

    def __enter__(self):
        for b in gdb.breakpoints() or ():
            if b.enabled:
                b.enabled = False
                self.breakpoints.append(b)
        self.set("unwindonsignal", "on")
        return self

    def __exit__(self, *_):
        for name, value in self.settings.items():
            if isinstance(value, bool):
                value = "on" if value else "off"
            gdb.execute("set %s %s" % (name, value), to_string=True)
        for b in self.breakpoints:
            b.enabled = True


def call(function, argument=""):
    """Call an int function of the library; no debug information."""
    types = "int" if argument != "" else "void"
    text = "((int (*)(%s))%s)(%s)" % (types, function, argument)
    return int(gdb.parse_and_eval(text))


def tell_registers(own_only):
    """Fill cgc_debug_mailbox with as many threads as it has room for."""
    box = address_of("cgc_debug_mailbox")
    capacity = word(box)
    words = []
    for tid, sp, fs, registers in all_registers(own_only):
        entry = [tid, len(registers), sp, fs] + registers
        if len(words) + len(entry) <= capacity:
            words += entry
    inferior = gdb.selected_inferior()
    inferior.write_memory(box + 16, struct.pack("<%dQ" % len(words), *words))
    inferior.write_memory(box + 8, struct.pack("<Q", len(words)))


def before_call(event):
    """`call (int)GC_collect()': what gdb replaces for it has to be told.

    Those of the other threads only if they will not run meanwhile."""
    if isinstance(event, gdb.InferiorCallPreEvent) and \
       event.address == function_address("GC_collect"):
        tell_registers(gdb.parameter("scheduler-locking") != "on")


def function_address(name):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&" + name))
    except gdb.error:
        return None


def collect():
    """The others held and their registers told; else let them run."""
    with Quiet() as quiet:
        quiet.set("scheduler-locking", "on")
        code = call("GC_collect")
        if code in (-3, -4):
            quiet.set("scheduler-locking", "off")
            code = call("GC_collect")
    gdb.write(CODES.get(code, "collected") + "\n")


def need_process():
    if core_file() or not gdb.selected_inferior().pid:
        raise gdb.GdbError("this runs code in the program: it needs a process")


class GcCommand(gdb.Command):
    """Look into the heap of a program that runs on libcgc.

gc info, gc spans, gc objects, gc histogram, gc roots, gc threads, gc check
gc addr X      what an address is
gc refs X      who points to that block (-from: to what it points)
gc why X       a shortest way from a root to it
gc leaks       blocks that nothing reaches
gc collect     collect now, safely; gc request: as soon as the program allocates
gc dump        print the collector's own figures"""

    def __init__(self):
        super().__init__("gc", gdb.COMMAND_DATA)

    def complete(self, text, _):
        names = HEAVY + ["collect", "request", "dump"]
        return [n for n in names if n.startswith(text)]

    def invoke(self, arg, from_tty):
        self.dont_repeat()
        name, *rest = (arg.split(None, 1) or ["info"])
        if name == "collect":
            need_process()
            collect()
        elif name == "request":
            need_process()
            with Quiet() as quiet:
                quiet.set("scheduler-locking", "on")
                call("GC_request", "1")
            gdb.write("asked for; served when the program next allocates\n")
        elif name == "dump":
            need_process()
            with Quiet() as quiet:
                quiet.set("scheduler-locking", "on")
                gdb.parse_and_eval("((void (*)(void))GC_dump)()")
        elif name in HEAVY:
            ask(self.arguments(name, rest[0] if rest else ""))
        else:
            raise gdb.GdbError("no such command: gc %s; see 'help gc'" % name)

    @staticmethod
    def arguments(name, rest):
        """Options as they stand; for addr, refs and why an expression."""
        options = [w for w in shlex.split(rest) if w.startswith("-")]
        if name not in ("addr", "refs", "why"):
            return ["-" + o if not o.startswith("--") else o
                    for o in options] + [name]
        text = " ".join(w for w in rest.split() if w not in options)
        if not text:
            raise gdb.GdbError("gc %s: an address is wanted" % name)
        addr = to_address(gdb.parse_and_eval(text))
        return ["-" + o if not o.startswith("--") else o
                for o in options] + [name, hex(addr)]


# ---- pretty printers of the collector's structs ------------------------------

class SpanPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        return "span %#x, %d pages, %d slots of %d bytes" % (
            int(v["base"]), int(v["npages"]), int(v["nslots"]),
            int(v["slot_size"]))


class MutatorPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        return "thread %d%s, sp %#x" % (
            int(v["tid"]), ", busy" if int(v["busy"]) & 0x3F else "",
            int(v["sp"]))


PRINTERS = {"cgc_span": SpanPrinter, "cgc_mutator": MutatorPrinter}


def find_printer(value):
    printer = PRINTERS.get(value.type.strip_typedefs().tag)
    return printer(value) if printer else None


find_printer.enabled = True
find_printer.name = "libcgc"


def register():
    gdb.events.inferior_call.connect(before_call)
    GcCommand()
    BlockFunction("gc_base", base_of, "$gc_base(x): the start of x's block.")
    BlockFunction("gc_size", size_of, "$gc_size(x): bytes of x's block.")
    BlockFunction("gc_live", is_live, "$gc_live(x): is x's block allocated?")
    if not any(getattr(p, "name", "") == "libcgc"
               for p in gdb.pretty_printers):
        gdb.pretty_printers.append(find_printer)


register()
