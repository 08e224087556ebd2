# SPDX-License-Identifier: MIT
"""
gdb commands for programs that run on libcgc; see cgc-gdb(7).

    gc info | spans | map | addr X | refs X [-from] | why X | dominators X
       | top | leaks [-new] | histogram | objects | diff CORE | profile FILE
       | roots | threads | check                    any time, cores too
    gc foreach COMMAND                              for each of gc objects
    gc collect | request | leakcheck | dump         run code in the program
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

MAGIC = 0x31746F6F72636763
ABI = 1
HEAD = struct.Struct("<QIIQ16sII")
ENTRY = struct.Struct("<40sQQ")
GENERAL = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15"
           .split())  # in cgc-heap's order
WITH_ADDRESS = "addr refs why dominators".split()
WITH_FILE = "diff profile".split()
PLAIN = ("info spans map top leaks histogram objects roots threads "
         "check").split()
HEAVY = WITH_ADDRESS + WITH_FILE + PLAIN
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

def beside_library():
    """Of a library that was not installed: the build's directory."""
    for objfile in gdb.objfiles():
        if os.path.basename(objfile.filename).startswith(("libcgc", "libgc.so")):
            yield os.path.join(os.path.dirname(objfile.filename), "..",
                               "cgc-heap")


def engine():
    """cgc-heap where it is said to be, of the library's build, or installed."""
    names = [os.environ.get("LIBCGC_HEAP_TOOL")] + list(beside_library())
    for name in names + ["@PKGLIBEXECDIR@/cgc-heap"]:
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
    return text


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


# libgc.so.1 has bdwgc's names, and for the commands here two of its own.
COLLECTING = ("GC_collect", "cgc_debug_gcollect", "GC_gcollect",
              "GC_gcollect_and_unmap", "GC_try_to_collect")


def before_call(event):
    """`call (int)GC_collect()': what gdb replaces for it has to be told.

    Those of the other threads only if they will not run meanwhile."""
    if isinstance(event, gdb.InferiorCallPreEvent) and \
       event.address in map(function_address, COLLECTING):
        tell_registers(gdb.parameter("scheduler-locking") != "on")


def function_address(name):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&" + name))
    except gdb.error:
        return None


def first_function(*names):
    """The name that this library has; the last one, for gdb's message."""
    for name in names:
        if function_address(name) is not None:
            return name
    return names[-1]


def collect():
    """The others held and their registers told; else let them run."""
    function = first_function("cgc_debug_gcollect", "GC_collect")
    with Quiet() as quiet:
        quiet.set("scheduler-locking", "on")
        code = call(function)
        if code in (-3, -4):
            quiet.set("scheduler-locking", "off")
            code = call(function)
    gdb.write(CODES.get(code, "collected") + "\n")


def need_process():
    if core_file() or not gdb.selected_inferior().pid:
        raise gdb.GdbError("this runs code in the program: it needs a process")


def call_quietly(function, argument=""):
    with Quiet() as quiet:
        quiet.set("scheduler-locking", "on")
        return call(function, argument)


def leak_check():
    if call_quietly("GC_leak_check") == 0:
        gdb.write("asked for; reported when the program next allocates\n")


def request():
    call_quietly(first_function("cgc_debug_request", "GC_request"), "1")
    gdb.write("asked for; served when the program next allocates\n")


def dump():
    with Quiet() as quiet:
        quiet.set("scheduler-locking", "on")
        gdb.parse_and_eval("((void (*)(void))GC_dump)()")


class Session:
    """What lasts from one command to the next."""
    objects = []      # addresses that gc objects found last
    directory = None  # for the leaks that were told already

    @classmethod
    def known_leaks(cls):
        if not cls.directory:
            cls.directory = tempfile.TemporaryDirectory()
        pid = gdb.selected_inferior().pid
        return os.path.join(cls.directory.name, "known-%d" % pid)

    @classmethod
    def keep_objects(cls, text):
        cls.objects = [int(line.split()[0], 16)
                       for line in text.splitlines() if line.startswith("0x")]
        for i, addr in enumerate(cls.objects[:100]):
            gdb.set_convenience_variable("gc%d" % (i + 1), addr)

    @classmethod
    def for_each(cls, command):
        if not command:
            raise gdb.GdbError("gc foreach: a command is wanted, for $gc")
        for addr in cls.objects:
            gdb.set_convenience_variable("gc", addr)
            gdb.execute(command)


class GcCommand(gdb.Command):
    """Look into the heap of a program that runs on libcgc.

gc info, gc spans, gc map, gc roots, gc threads, gc check
gc histogram      blocks by size (-by=stack: by who allocated them)
gc objects        their addresses; the first are $gc1, $gc2, ...
gc foreach CMD    a command for each of them, which is $gc
gc addr X         what an address is
gc refs X         who points to that block (-from: to what it points)
gc why X          a shortest way from a root to it (-all, -avoid=stack)
gc dominators X   what alone keeps it alive, and what it keeps
gc top            who keeps the most alive
gc leaks          blocks that nothing reaches (-new: since the last time)
gc diff CORE      what grew from here to that core
gc profile FILE   blocks by stack, for pprof
gc collect        collect now, safely; gc request: when the program allocates
gc leakcheck      have the program report what it lost
gc dump           print the collector's own figures"""

    IN_PROGRAM = {"collect": collect, "request": request,
                  "leakcheck": leak_check, "dump": dump}

    def __init__(self):
        super().__init__("gc", gdb.COMMAND_DATA)

    def complete(self, text, _):
        names = HEAVY + list(self.IN_PROGRAM) + ["foreach"]
        return [n for n in names if n.startswith(text)]

    def invoke(self, arg, from_tty):
        self.dont_repeat()
        name, *rest = (arg.split(None, 1) or ["info"])
        rest = rest[0] if rest else ""
        if name in self.IN_PROGRAM:
            need_process()
            self.IN_PROGRAM[name]()
        elif name == "foreach":
            Session.for_each(rest)
        elif name in HEAVY:
            text = ask(self.arguments(name, rest))
            if name == "objects":
                Session.keep_objects(text)
        else:
            raise gdb.GdbError("no such command: gc %s; see 'help gc'" % name)

    @staticmethod
    def option(text):
        if text in ("-new", "--new"):
            return "--since=" + Session.known_leaks()
        return text if text.startswith("--") else "-" + text

    def arguments(self, name, rest):
        """Options as they stand; then a file, or an expression."""
        words = shlex.split(rest)
        given = [w for w in words if w.startswith("-")]
        options = [self.option(w) for w in given]
        left = [w for w in words if not w.startswith("-")]
        if name in WITH_FILE and len(left) == 1:
            return options + [name, os.path.expanduser(left[0])]
        if name in WITH_ADDRESS and left:
            text = " ".join(w for w in rest.split() if w not in given)
            return options + [name, hex(to_address(gdb.parse_and_eval(text)))]
        if name in PLAIN and not left:
            return options + [name]
        raise gdb.GdbError("gc %s: see 'help gc' for what it takes" % name)


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


# Both the library and a file beside gdb bring these commands.
if not getattr(gdb, "libcgc_is_loaded", False):
    gdb.libcgc_is_loaded = True
    register()
