# harness.py - one interpreter of a graded program; flow/labels/code/code.h says why there are two.
#
# argv: role ("tests" or "program"), CPU seconds, megabytes of address space, isolation ("bubblewrap" or "seccomp").
# Descriptors: 3 from the other interpreter, 4 to it, 5 the job, 6 (tests) the result, 7 the filter of system calls; 8 was this text, compiled.
# The job of "program" is its source; that of "tests" a JSON object {"secret","setup","tests","profile","entry"}.
import sys

role, cpu_s, memory_mb, isolation = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sys.argv = [""]
import builtins, _collections, os, resource

try:  # the parts of json that are in C: the module around them takes longer to load than most programs to run
    import _json

    class Reading:
        strict, memo = False, {}
        object_hook = object_pairs_hook = None
        parse_float, parse_int, parse_constant = float, int, float

    scan = _json.make_scanner(Reading())
    write = _json.make_encoder(None, None, _json.encode_basestring_ascii, None, ":", ",", False, False, True)

    def loads(data):
        return scan(data.decode(), 0)[0]

    def dumps(value):
        return "".join(write(value, 0))

    loads(dumps([1, "a", None, {"b": [True]}]).encode())
except (ImportError, AttributeError, TypeError):
    from json import dumps, loads

sys.set_int_max_str_digits(0)


def enclose():
    """No way back from here: other users' identity, no privileges, no dump, no files but the system's, few system calls."""
    import _ctypes  # the module around it takes longer to load than most programs to run
    library = _ctypes.dlopen(None, 0)
    syscall = _ctypes.dlsym(library, "syscall")

    def call(name, *a):
        return _ctypes.call_function(_ctypes.dlsym(library, name), a)

    def words(*a):  # pairs of size and value
        return b"".join(value.to_bytes(size, "little") for size, value in zip(a[::2], a[1::2]))

    def landlock():
        abi = _ctypes.call_function(syscall, (444, None, 0, 1))
        if abi < 1:
            return True
        files = (1 << (13 if abi < 2 else 14 if abi < 3 else 15 if abi < 5 else 16)) - 1
        rules = words(8, files, 8, 3 if abi >= 4 else 0, 8, 3 if abi >= 6 else 0)
        rules = _ctypes.call_function(syscall, (444, rules, len(rules), 0))
        for path, access in (("/usr", 12), ("/lib", 12), ("/lib64", 12), ("/dev/null", 6), ("/dev/zero", 4),
                             ("/dev/urandom", 4), ("/dev/random", 4)):
            try:
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            if _ctypes.call_function(syscall, (445, rules, 1, words(8, access, 4, place), 0)):
                return False
            os.close(place)
        return not _ctypes.call_function(syscall, (446, rules, 0))

    with open(7, "rb") as filter_file:
        code = filter_file.read().replace(words(4, 0x7e57ab1e), words(4, os.getpid()))
    if isolation == "seccomp" and os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        except PermissionError:
            pass  # a root without the privilege: what it still has goes now
    if isolation == "bubblewrap":
        remount, nosuid_nodev = 32, 6
        if call("mount", None, b"/tmp", None, remount | nosuid_nodev, b"nr_inodes=1024"):
            return False
    if call("capset", words(4, 0x20080522, 4, 0), bytes(24)) or call("prctl", 4, 0, 0, 0, 0) or call("prctl", 38, 1, 0, 0, 0):
        return False
    if isolation == "seccomp" and not landlock():
        return False
    # struct sock_fprog: the instructions' address is where the bytes object keeps them
    place = id(code) + bytes.__basicsize__ - 1
    return call("prctl", 22, 2, words(8, len(code) // 8, 8, place), 0, 0) == 0


if not enclose():  # before anything secret is read
    os._exit(90)
with open(5, "rb") as job_file:
    job = job_file.read()
resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))  # SIGXCPU says why; SIGKILL ends those who ignore it
for what, n in ((resource.RLIMIT_AS, memory_mb << 20), (resource.RLIMIT_FSIZE, 16 << 20),
                (resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(what, (n, n))
if b"random" in job:  # importing it takes longer than most programs
    import random
    random.seed(0)


class Lost(BaseException):
    """The other interpreter is gone, or wrote what is no frame."""
    happened = False  # tests that catch everything do not make it unhappen

    def __init__(self):
        Lost.happened = True


def send(value):
    data = dumps(value).encode()
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(4, data):]


def receive():
    def exactly(n):
        data = b""
        while len(data) < n:
            part = os.read(3, min(n - len(data), 1 << 20))
            if not part:
                raise Lost()
            data += part
        return data
    n = int.from_bytes(exactly(4), "little")
    if n > 64 << 20:
        raise Lost()
    try:
        return loads(exactly(n))
    except (ValueError, RecursionError, StopIteration):
        raise Lost()


# Values travel as JSON: what JSON has as itself, all else as a list [kind, ...]. Only types of the standard library are
# made from it, so that nothing of the program's own making is ever compared, called or printed on the other side.
PLAIN = {list: "l", tuple: "t", set: "s", frozenset: "z", _collections.deque: "q"}
MAPS = {dict: "d", _collections.OrderedDict: "o", _collections.defaultdict: "e"}
WRITTEN = {("decimal", "Decimal"), ("fractions", "Fraction")}
DATES = {("datetime", n) for n in ("date", "datetime", "time", "timedelta")}
MAKE = {"l": list, "t": tuple, "s": set, "z": frozenset, "q": _collections.deque}
MAKE_MAP = {"d": dict, "o": _collections.OrderedDict, "e": lambda pairs: _collections.defaultdict(None, pairs),
            "c": lambda pairs: __import__("collections").Counter(dict(pairs))}


def encode(value, other):
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return ["f", repr(value)]
    if kind in PLAIN:
        return [PLAIN[kind], *(encode(x, other) for x in value)]
    if kind in MAPS:
        return [MAPS[kind], *([encode(k, other), encode(v, other)] for k, v in dict.items(value))]
    if kind is bytes or kind is bytearray:
        return ["b" if kind is bytes else "y", value.decode("latin-1")]
    if kind is complex:
        return ["x", repr(value.real), repr(value.imag)]
    if kind is range:
        return ["r", value.start, value.stop, value.step]
    if kind is type and getattr(builtins, value.__name__, None) is value:
        return ["n", value.__name__]
    place = (kind.__module__, kind.__name__)
    if place == ("collections", "Counter"):
        return ["c", *([encode(k, other), encode(v, other)] for k, v in dict.items(value))]
    if place in WRITTEN and getattr(sys.modules.get(place[0]), place[1], None) is kind:
        return ["w", *place, str(value)]
    if place in DATES and getattr(sys.modules.get(place[0]), place[1], None) is kind:
        return ["w", *place, repr(value)[len("datetime."):]]
    for base in (bool, int, float, str, bytes, tuple, list, set, frozenset, dict):
        if isinstance(value, base):  # a named tuple is compared as a tuple
            return encode(base(value), other)
    return other(value)


def decode(value, other):
    if not isinstance(value, list):
        return value
    kind, rest = value[0], value[1:]
    if kind in MAKE:
        return MAKE[kind]([decode(x, other) for x in rest])
    if kind in MAKE_MAP:
        return MAKE_MAP[kind]([(decode(k, other), decode(v, other)) for k, v in rest])
    if kind == "f":
        return float(rest[0])
    if kind == "b":
        return rest[0].encode("latin-1")
    if kind == "y":
        return bytearray(rest[0].encode("latin-1"))
    if kind == "x":
        return complex(float(rest[0]), float(rest[1]))
    if kind == "r":
        return range(*rest)
    if kind == "n" and isinstance(getattr(builtins, rest[0], None), type):
        return getattr(builtins, rest[0])
    if kind == "w":
        module = __import__(rest[0])
        if (rest[0], rest[1]) in WRITTEN:
            return getattr(module, rest[1])(rest[2])
        if (rest[0], rest[1]) in DATES and all(c.isalnum() or c in "(), .=-_" for c in rest[2]):
            name, _, arguments = rest[2].partition("(")
            numbers = {}
            plain = []
            for part in arguments.rstrip(")").split(","):
                key, equals, number = part.strip().rpartition("=")
                if equals:
                    numbers[key] = int(number)
                elif number:
                    plain.append(int(number))
            return getattr(module, name)(*plain, **numbers) if name == rest[1] else None
        raise Lost()
    return other(kind, rest)


# -- the program's side: loads it, then serves calls --

def serve():
    import marshal, types
    handles = []

    def keep(value):
        handles.append(value)
        return ["h", len(handles) - 1, type(value).__name__]

    def find(kind, rest):
        if kind == "h":
            return handles[rest[0]]
        if kind == "m":  # a function of the tests: they may be trusted
            return types.FunctionType(marshal.loads(rest[0].encode("latin-1")), space, rest[1])
        raise Lost()

    def out(value):
        return encode(value, keep)

    def do(request):
        op, target, rest = request[0], request[1], request[2:]
        if op == "name":
            return ["ok", keep(space[target])] if target in space else ["raise", "NameError"]
        thing = handles[target]
        if op == "call":
            arguments = [decode(x, find) for x in rest[0]]
            value = thing(*arguments, **{k: decode(v, find) for k, v in rest[1].items()})
            changed = [[i, out(x)] for i, x in enumerate(arguments)
                       if type(x) in (list, dict, set) and dumps(out(x)) != dumps(rest[0][i])]
            return ["ok", out(value), changed]
        if op == "attr":
            return ["ok", out(getattr(thing, rest[0]))]
        if op == "set":
            setattr(thing, rest[0], decode(rest[1], find))
            return ["ok", None]
        if op == "item":
            return ["ok", out(thing[decode(rest[0], find)])]
        if op == "iter":
            values = []
            for x in thing:
                values.append(out(x))
                if len(values) > 1000000:
                    return ["raise", "MemoryError"]
            return ["ok", ["l", *values]]
        if op == "text":
            return ["ok", str(str(thing))]
        if op == "len":
            return ["ok", int(len(thing))]
        return ["ok", bool(thing)]

    def guarded(f, *a):
        try:
            return f(*a)
        except Lost:
            raise
        except SyntaxError:
            return ["raise", "SyntaxError"]
        except BaseException as e:  # SystemExit too: leaving is not passing
            for kind in type(e).__mro__:
                if getattr(builtins, kind.__name__, None) is kind:
                    return ["raise", kind.__name__]
            return ["raise", "Exception"]

    def load():
        source = job.decode("utf-8", "replace")
        try:
            code = compile(source, "<program>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
            return ["syntax"]
        exec(code, space)
        return ["ok", None]

    import types as _types
    module = _types.ModuleType("program")  # as benchmarks load it: what __main__ guards stays unrun
    sys.modules["__main__"] = sys.modules["program"] = module
    space = module.__dict__
    send(guarded(load))
    while True:
        request = receive()
        try:
            send(guarded(do, request))
        except (TypeError, ValueError, RecursionError, MemoryError):
            send(["raise", "ValueError"])


# -- the tests' side --

class RemoteError(Exception):
    """Stands for an exception of the program that is none of Python's own, or that would mean something in the tests:
    their iterators would take a StopIteration of the program for their own end."""


class RemoteExit(BaseException):
    """Stands for one that no "except Exception" may catch: SystemExit, KeyboardInterrupt, GeneratorExit."""


def exception_of(name):
    kind = getattr(builtins, name, None)
    is_own = isinstance(kind, type) and issubclass(kind, BaseException)
    if is_own and issubclass(kind, Exception) and not issubclass(kind, (StopIteration, StopAsyncIteration)):
        return kind("of the program")
    error = RemoteExit() if is_own and not issubclass(kind, Exception) else RemoteError()
    error.name = name
    return error


def ask(op, target, *rest):
    send([op, target, *rest])
    reply = receive()
    if not isinstance(reply, list) or not reply or reply[0] not in ("ok", "raise"):
        raise Lost()
    if reply[0] == "raise":
        raise exception_of(str(reply[1]))
    return reply


def from_program(value):
    return decode(value, lambda kind, rest: Remote(int(rest[0])) if kind == "h" else lost())


def lost():
    raise Lost()


def to_program(value):
    def other(x):
        if isinstance(x, Remote):
            return ["h", object.__getattribute__(x, "_id")]
        if callable(x) and hasattr(x, "__code__"):
            import marshal
            return ["m", marshal.dumps(x.__code__).decode("latin-1"), x.__name__]
        raise TypeError("a value that cannot be given to the program")
    return encode(value, other)


class Remote:
    """A value of the program that is not of the standard library. It equals itself alone."""
    __slots__ = ("_id",)

    def __init__(self, number):
        object.__setattr__(self, "_id", number)

    def __call__(self, *a, **k):
        sent = [to_program(x) for x in a]
        reply = ask("call", self._id, sent, {key: to_program(x) for key, x in k.items()})
        for i, new in reply[2]:  # arguments that the program changed
            old, new = a[i], from_program(new)
            if type(old) is list and type(new) is list:
                old[:] = new
            elif type(old) in (dict, set) and type(new) is type(old):
                old.clear()
                old.update(new)
        return from_program(reply[1])

    def __getattr__(self, name):
        return from_program(ask("attr", self._id, name)[1])

    def __setattr__(self, name, value):
        ask("set", self._id, name, to_program(value))

    def __getitem__(self, key):
        return from_program(ask("item", self._id, to_program(key))[1])

    def __iter__(self):
        return iter(from_program(ask("iter", self._id)[1]))

    def __len__(self):
        return int(from_program(ask("len", self._id)[1]))

    def __bool__(self):
        return from_program(ask("bool", self._id)[1]) is True

    def __str__(self):
        return str(from_program(ask("text", self._id)[1]))

    def __eq__(self, other):
        return isinstance(other, Remote) and self._id == other._id

    def __hash__(self):
        return hash(self._id)


def names_of(code):
    names = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            names |= names_of(constant)
    return names


def modules_in(tree):
    """The names of which a text takes attributes or that it imports."""
    found, nodes = set(), [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
            continue
        kind = type(node).__name__
        if kind == "Attribute" and type(node.value).__name__ == "Name":
            found.add(node.value.id)
        elif kind == "Import":
            found.update((x.asname or x.name).partition(".")[0] for x in node.names)
        nodes.extend(getattr(node, field, None) for field in getattr(node, "_fields", ()))
    return found


def own_module(name, texts):
    """Whether a name of the standard library means the module: tests use modules that programs are expected to import.
    A function of the program may be called so, too; then it is called, and nothing is taken from it."""
    only_tree = 0x400
    return any(name in modules_in(compile(text, "<tests>", "exec", only_tree)) for text in texts)


def run_tests():
    texts = list(task["tests"])
    space = {"__name__": "tests"}
    for text in task["imports"]:
        exec(compile(text, "<imports>", "exec"), space)
    if task["profile"] == "humaneval":
        texts.append("check(%s)" % task["entry"])
    codes = [compile(text, "<tests>", "exec") for text in [task["setup"], *texts]]
    needed = set().union(*(names_of(code) for code in codes)) - set(space)
    if needed - set(dir(builtins)):  # else the program's function is called like one of Python's own
        needed -= set(dir(builtins))
    for name in sorted(needed):
        is_module = name in sys.stdlib_module_names
        if is_module and own_module(name, [task["setup"], *texts]):
            space[name] = __import__(name)
            continue
        try:
            number, kind = ask("name", name)[1][1:]
            space[name] = __import__(name) if is_module and kind == "module" else Remote(number)
        except NameError:  # the tests' own, an attribute, or missing: the tests will tell
            if is_module:
                space[name] = __import__(name)
    for code in codes:
        exec(code, space)


def judge():
    loaded = receive()
    if not isinstance(loaded, list) or not loaded:
        return "lost"
    if loaded[0] == "syntax":
        return "syntax"
    if loaded[0] == "raise":
        return verdict_of(str(loaded[1]))
    try:
        run_tests()
    except Lost:
        return "lost"
    except (RemoteError, RemoteExit) as e:
        return verdict_of(e.name)
    except AssertionError:
        return "assertion"
    except BaseException as e:
        return verdict_of(type(e).__name__)
    return "lost" if Lost.happened else "pass"


def verdict_of(name):
    if name in ("MemoryError",):
        return "memory"
    return "exception " + "".join(c for c in name if c.isalnum() or c == "_")[:40]


if role == "program":
    try:
        serve()
    except Lost:
        pass
    os._exit(0)
task = loads(job)
secret = task.pop("secret")
try:
    verdict = judge()
except Lost:
    verdict = "lost"
except BaseException as e:
    verdict = "exception " + type(e).__name__
os.write(6, ((secret + " pass") if verdict == "pass" else verdict).encode() + b"\n")
os._exit(0)
