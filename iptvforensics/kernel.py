"""Loops over flat arrays: one source, three speeds.

`@kernel("B[] q q[]")` turns a plain Python function over arrays and integers into a `Kernel`. The same
source runs

* `plain`: as Python over memoryviews (no start-up cost, a read past the end raises `IndexError`);
* `compiled`: as machine code that Numba made once and that is kept in a cache folder. Loading it needs
  llvmlite only, which takes a twentieth of the time that importing Numba takes;
* `checked`: compiled by Numba with bounds checks (tests only; slow to start).

The signature has a letter per argument: `B[]` uint8 array, `i[]` int32 array, `q[]` int64 array,
`q` a 64-bit integer. A kernel returns one 64-bit integer and never raises. All arrays are one-dimensional.

Rules for a kernel's source, so that the speeds agree: integers stay within 64 bits signed; unsigned
32-bit arithmetic is masked by hand (`& 0xFFFFFFFF`); every index is checked against a length before
it is used; no allocation, no exceptions, no strings, no Python objects. Functions marked `@inline` may
be called from kernels.

`NUMBA_BOUNDSCHECK` and friends act on `checked` only. `IPTVFORENSICS_KERNELS` (plain, compiled, checked)
overrides the choice, `IPTVFORENSICS_CACHE` the cache folder.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import os
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

from . import __version__
from .kernel_cache import cache_folder, keep, read_kept

_F = TypeVar("_F", bound=Callable[..., Any])
Speed = Literal["plain", "compiled", "checked"]

PLAIN_BELOW_BYTES = 1 << 20
"""Inputs below this size run plain: loading machine code would take longer than it saves."""
PLAIN_BELOW_BYTES_UNCOMPILED = 32 << 20
"""The same, when the machine code would have to be made first."""

SPEEDS: dict[str, Speed] = {"plain": "plain", "compiled": "compiled", "checked": "checked"}
_C_TYPES = {"B": "uint8", "i": "int32", "q": "int64"}
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "forceinline": True, "_nrt": False}
"""How machine code is made: with `forceinline` the larger inline functions are no calls either; without `_nrt`, which
counts references, nothing can be allocated."""


class _State:
    speed: Speed | None = None
    announce: Callable[[str], None] | None = None
    announced = False
    engine: Any = None
    hook: Any = None
    lock = Lock()
    """Held while machine code is made and linked: threads may call kernels for the first time at once."""


_INLINE: set[types.FunctionType] = set()


def inline(function: _F) -> _F:
    """Return the function, marked as one that kernels may call."""
    _INLINE.add(function)  # type: ignore[arg-type]
    return function


def copy_bytes(source: Any, at: int, target: Any, to: int, length: int) -> None:
    """Copy `length` bytes between two uint8 arrays that do not overlap; the caller has checked both ranges."""
    target[to : to + length] = source[at : at + length]


def prefetch(array: Any, at: int) -> None:
    """Tell the processor which byte of a uint8 array will be read soon; any place may be named."""


def kernel(signature: str) -> Callable[[Any], Kernel]:
    r"""Return a decorator that makes a `Kernel` of a function over flat arrays.

    Example:
        >>> @kernel("B[] q")
        ... def count_zeros(data, length):
        ...     zeros = 0
        ...     for i in range(length):
        ...         if data[i] == 0:
        ...             zeros += 1
        ...     return zeros
        >>> count_zeros(b"\0a\0", 3)
        2
    """
    letters = tuple(signature.split())
    unknown = [letter for letter in letters if letter.removesuffix("[]") not in _C_TYPES]
    if unknown:
        raise ValueError(f"kernel signature {signature!r}: {unknown[0]!r} is not one of B[] i[] q[] q")

    def decorate(function: types.FunctionType) -> Kernel:
        return Kernel(function, letters)

    return decorate


class Pinned:
    """An array that kernels take without asking it again where it lies; for arrays that many calls get."""

    __slots__ = ("array", "length", "native", "view")

    def __init__(self, array: Any) -> None:
        interface = array.__array_interface__
        self.array = array
        self.view = memoryview(array)
        self.length: int = interface["shape"][0]
        self.native: tuple[int, int] = (interface["data"][0], self.length)
        """Address and length, as machine code takes them."""


class Kernel:
    """A loop over flat arrays that runs as plain Python or as machine code."""

    def __init__(self, function: types.FunctionType, letters: tuple[str, ...]) -> None:
        self.function = function
        self.letters = letters
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self._native: Callable[..., int] | None = None
        self._checked: Callable[..., int] | None = None

    def __call__(self, *arguments: Any) -> int:
        """Return what the loop returns; arrays may be numpy arrays, pinned ones, or bytes-like objects."""
        speed = _State.speed or use(None)
        if speed == "compiled":
            return self._call_native(arguments)
        if speed == "checked":
            return self._call_checked(arguments)
        return int(self.function(*map(_plain, arguments)))

    def _call_native(self, arguments: tuple[Any, ...]) -> int:
        native = self._native
        if native is None:
            native = self._native = _load(self)
        values: list[int | bytes] = []
        for argument in arguments:
            if isinstance(argument, int):
                values.append(argument)
            elif type(argument) is Pinned:
                values += argument.native
            elif type(argument) is bytes:
                values += (argument, len(argument))  # handed over as the address of its first byte
            else:
                values += (_address(argument), len(argument))
        return native(*values)

    def _call_checked(self, arguments: tuple[Any, ...]) -> int:
        import numpy as np

        if self._checked is None:
            self._checked = _compile_checked(self)
        unpinned = [a.array if type(a) is Pinned else a for a in arguments]
        arrays = [a if isinstance(a, int | np.ndarray) else np.frombuffer(a, np.uint8) for a in unpinned]
        return int(self._checked(*arrays))


def _plain(argument: Any) -> Any:
    """Return an argument as a kernel takes it that runs as Python."""
    if isinstance(argument, int):
        return argument
    return argument.view if type(argument) is Pinned else memoryview(argument)


def _address(argument: Any) -> int:
    """Return where an array or a bytes-like object lies."""
    try:
        # A fifth of the time in which numpy describes an array.
        return ctypes.addressof(ctypes.c_char.from_buffer(argument))
    except (TypeError, ValueError):  # read-only, or empty
        pass
    import numpy as np

    array = argument if isinstance(argument, np.ndarray) else np.frombuffer(argument, np.uint8)
    address: int = array.__array_interface__["data"][0]
    return address


def use(speed: Speed | None, *, input_bytes: int = 0, announce: Callable[[str], None] | None = None) -> Speed:
    """Return the speed at which kernels run from now on.

    With `None` it is chosen: what the environment says, else by the size of the input and by whether
    machine code is at hand. `announce` is called with one line before anything is compiled.
    """
    if announce is not None:
        _State.announce = announce
    chosen = speed or SPEEDS.get(os.environ.get("IPTVFORENSICS_KERNELS", "")) or _speed_for(input_bytes)
    _State.speed = chosen
    return chosen


def _speed_for(input_bytes: int) -> Speed:
    if input_bytes < PLAIN_BELOW_BYTES or not can_compile():
        return "plain"
    return "compiled" if input_bytes >= PLAIN_BELOW_BYTES_UNCOMPILED or _is_warm() else "plain"


def can_compile() -> bool:
    """Return True if Numba is installed (not imported here: that takes a second)."""
    from importlib.util import find_spec

    return find_spec("numba") is not None and find_spec("llvmlite") is not None


def _is_warm() -> bool:
    folder = cache_folder()
    # Where nothing was ever kept, LLVM is not loaded to ask what machine this is.
    return folder is not None and any(folder.iterdir()) and _code_folder(folder).is_dir()


def _compiled(function: types.FunctionType, *, checked: bool) -> Any:
    """Return a function that Numba compiles when it is called by one that it compiles."""
    numba: Any = importlib.import_module("numba")
    options = {"error_model": "numpy"} if checked else _OPTIONS
    return numba.njit(**options)(_linked(function, checked=checked))


def _linked(function: types.FunctionType, *, checked: bool) -> types.FunctionType:
    """Return the function with the inline functions that it names replaced by compiled ones."""
    from . import kernel_arrays

    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        if names.get(name) is copy_bytes or names.get(name) is prefetch:
            names[name] = getattr(kernel_arrays, name)
    for name, called in _inline_calls(function):
        names[name] = _compiled(called, checked=checked)
    return types.FunctionType(function.__code__, names, function.__name__)


def _inline_calls(function: types.FunctionType) -> list[tuple[str, types.FunctionType]]:
    named = ((name, function.__globals__.get(name)) for name in function.__code__.co_names)
    return [(name, called) for name, called in named if isinstance(called, types.FunctionType) and called in _INLINE]


def _depends_on(function: types.FunctionType) -> set[str]:
    """Return what the machine code of a function depends on: source files by digest, constants by value."""
    parts = {_file_digest(function.__code__.co_filename)}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, int):
            parts.add(f"{name}={value}")
        elif isinstance(value, types.ModuleType) and value.__file__:
            parts.add(_file_digest(value.__file__))
    for _, called in _inline_calls(function):
        parts |= _depends_on(called)
    return parts


@functools.cache
def _code_folder(cache: Path) -> Path:
    """Return the folder in the cache for the machine code of this version, by these programs, for this machine."""
    import llvmlite
    import llvmlite.binding as llvm

    digest = hashlib.sha256()
    machine = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    for part in (__version__, llvmlite.__version__, sys.version, *machine, repr(_OPTIONS)):
        digest.update(part.encode())
    return cache / digest.hexdigest()[:16]


def _object_name(kernel: Kernel) -> str:
    digest = hashlib.sha256()
    arrays = _file_digest(str(Path(__file__).with_name("kernel_arrays.py")))
    for part in sorted(_depends_on(kernel.function) | {arrays}):
        digest.update(part.encode())
    digest.update(" ".join(kernel.letters).encode())
    return f"{kernel.__name__}-{digest.hexdigest()[:32]}.o"


_FILE_DIGESTS: dict[str, str] = {}


def _file_digest(file: str) -> str:
    if file not in _FILE_DIGESTS:
        try:
            content = Path(file).read_bytes()
        except OSError:  # typed into a notebook or a doctest: never cached
            content = os.urandom(16)
        _FILE_DIGESTS[file] = hashlib.sha256(content).hexdigest()
    return _FILE_DIGESTS[file]


def _load(kernel: Kernel) -> Callable[..., int]:
    """Return the machine code of a kernel as a function: from the cache, or made now and kept."""
    with _State.lock:
        cache = cache_folder()
        path = _code_folder(cache) / _object_name(kernel) if cache else None
        content = read_kept(path) if path else None
        if content is None:
            content = _compile(kernel)
            if path:
                keep(path, content)
        return _link(kernel, content)


def _compile(kernel: Kernel) -> bytes:
    """Return the object file of a kernel: `symbol name`, a NUL, then the code."""
    if not _State.announced and _State.announce:
        _State.announce("compiling the fast loops for this machine (once; about half a minute)")
        _State.announced = True
    numba: Any = importlib.import_module("numba")
    nt = numba.types

    parameters: list[str] = []
    call: list[str] = []
    kinds: list[Any] = []
    for i, letter in enumerate(kernel.letters):
        kind = getattr(nt, _C_TYPES[letter[0]])
        if letter.endswith("[]"):
            parameters += [f"p{i}", f"n{i}"]
            call.append(f"flat(p{i}, n{i})")
            kinds += [nt.CPointer(kind), nt.int64]
        else:
            parameters.append(f"s{i}")
            call.append(f"s{i}")
            kinds.append(kind)
    entry = _entry(kernel, parameters, call, checked=False)
    compiled = numba.cfunc(nt.int64(*kinds), error_model="numpy")(entry)
    code: bytes = compiled._library._get_compiled_object()
    return str(compiled._wrapper_name).encode() + b"\0" + code


def _compile_checked(kernel: Kernel) -> Callable[..., int]:
    numba: Any = importlib.import_module("numba")
    parameters = [f"p{i}" for i in range(len(kernel.letters))]
    call = [
        f"checked({p})" if letter.endswith("[]") else p for p, letter in zip(parameters, kernel.letters, strict=True)
    ]
    checked: Callable[..., int] = numba.njit(error_model="numpy")(_entry(kernel, parameters, call, checked=True))
    return checked


def _entry(kernel: Kernel, parameters: list[str], call: list[str], *, checked: bool) -> Callable[..., int]:
    """Return what is called from outside: it hands arrays of the caller to the kernel as kernels know them."""
    from . import kernel_arrays

    body = _compiled(kernel.function, checked=checked)
    scope: dict[str, Any] = {"body": body, "flat": kernel_arrays.flat, "checked": kernel_arrays.checked}
    exec(f"def entry({', '.join(parameters)}):\n    return body({', '.join(call)})\n", scope)  # noqa: S102
    entry: Callable[..., int] = scope["entry"]
    return entry


def prepare() -> None:
    """Load what kernels run with at the speed in use, once for a process that will be copied and its copy."""
    import numpy  # noqa: F401

    if _State.speed == "compiled":
        import llvmlite.binding  # noqa: F401


def _link(kernel: Kernel, content: bytes) -> Callable[..., int]:
    import llvmlite.binding as llvm

    if _State.engine is None:
        _State.hook = ctypes.CFUNCTYPE(None)(os.abort)
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine()
        _State.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    symbol, code = content.split(b"\0", 1)
    # Numba's run-time hooks are named by the code but never reached: kernels neither allocate nor raise.
    for name in set(re.findall(rb"(?:NRT|numba)_[A-Za-z_0-9]+", code)):
        if not llvm.address_of_symbol(name.decode()):
            llvm.add_symbol(name.decode(), ctypes.cast(_State.hook, ctypes.c_void_p).value)
    _State.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    _State.engine.finalize_object()
    types_: list[Any] = []
    for letter in kernel.letters:
        types_ += [ctypes.c_void_p, ctypes.c_int64] if letter.endswith("[]") else [ctypes.c_int64]
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *types_)  # releases the interpreter lock while it runs
    return prototype(_State.engine.get_function_address(symbol.decode()))
