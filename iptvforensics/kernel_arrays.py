"""The arrays of kernels as Numba is told of them: an address and a length.

Numba's own arrays know who owns them, and an index below zero counts from their end. Kernels need neither: each index
was checked before it is used. Without both, a loop over packets takes half of the time. Checked, an index outside the
array raises `IndexError`, also one below zero. There are no slices: a kernel that makes one does not compile.

This module is loaded only where something is compiled.
"""

# Numba tells types of some of its functions only.
# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"

from __future__ import annotations

import operator
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model


class Flat(types.Type):
    """The type of an array of a kernel."""

    def __init__(self, dtype: Any, is_checked: bool) -> None:
        self.dtype = dtype
        self.is_checked = is_checked
        super().__init__(name=f"{'Checked' if is_checked else 'Flat'}({dtype})")


@register_model(Flat)
class _FlatModel(models.StructModel):
    def __init__(self, manager: Any, kind: Flat) -> None:
        super().__init__(manager, kind, [("data", types.CPointer(kind.dtype)), ("length", types.int64)])


@intrinsic
def flat(_typing: Any, pointer: Any, length: Any) -> Any:
    """Return the array at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _made(context, builder, signature.return_type, *arguments)

    return Flat(pointer.dtype, False)(pointer, length), generate


@intrinsic
def checked(_typing: Any, array: Any) -> Any:
    """Return an array of numpy as one whose indices are checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        return _made(context, builder, signature.return_type, source.data, source.nitems)

    return Flat(array.dtype, True)(array), generate


def _made(context: Any, builder: Any, kind: Flat, data: Any, length: Any) -> Any:
    array = cgutils.create_struct_proxy(kind)(context, builder)
    array.data, array.length = data, length
    return array._getvalue()


def _opened(context: Any, builder: Any, kind: Flat, value: Any) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, value=value)


def _check(context: Any, builder: Any, kind: Flat, array: Any, at: Any, end: Any) -> None:
    """Raise an error if places from `at` to before `end` are not all in a checked array."""
    if kind.is_checked:
        starts_before, ends_behind = (
            builder.icmp_signed("<", at, at.type(0)),
            builder.icmp_signed(">", end, array.length),
        )
        wrong = builder.or_(builder.or_(starts_before, ends_behind), builder.icmp_signed("<", end, at))
        with cgutils.if_unlikely(builder, wrong):
            context.call_conv.return_user_exc(builder, IndexError, ("index is out of bounds",))


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        array, index = arguments
        fits = isinstance(array, Flat) and isinstance(index, types.Integer)
        return array.dtype(array, types.int64) if fits else None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        array, index, value = arguments
        fits = isinstance(array, Flat) and isinstance(index, types.Integer) and isinstance(value, types.Integer)
        return types.void(array, types.int64, array.dtype) if fits else None


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        return types.int64(arguments[0]) if isinstance(arguments[0], Flat) else None


@lower_builtin(operator.getitem, Flat, types.Integer)
def _get(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = _opened(context, builder, signature.args[0], arguments[0])
    _check(context, builder, signature.args[0], array, arguments[1], builder.add(arguments[1], arguments[1].type(1)))
    return context.unpack_value(builder, signature.args[0].dtype, builder.gep(array.data, [arguments[1]]))


@lower_builtin(operator.setitem, Flat, types.Integer, types.Integer)
def _set(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = _opened(context, builder, signature.args[0], arguments[0])
    _check(context, builder, signature.args[0], array, arguments[1], builder.add(arguments[1], arguments[1].type(1)))
    context.pack_value(builder, signature.args[0].dtype, arguments[2], builder.gep(array.data, [arguments[1]]))
    return context.get_dummy_value()


@lower_builtin(len, Flat)
def _len(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return _opened(context, builder, signature.args[0], arguments[0]).length


@intrinsic
def copy_bytes(_typing: Any, source: Any, at: Any, target: Any, to: Any, length: Any) -> Any:
    """Copy bytes as `kernel.copy_bytes` does: the C library's memcpy, three times as fast as a loop."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (source, at, target, to, length), kinds = arguments, signature.args
        from_array, to_array = _opened(context, builder, kinds[0], source), _opened(context, builder, kinds[2], target)
        _check(context, builder, kinds[0], from_array, at, builder.add(at, length))
        _check(context, builder, kinds[2], to_array, to, builder.add(to, length))
        from_pointer, to_pointer = builder.gep(from_array.data, [at]), builder.gep(to_array.data, [to])
        cgutils.raw_memcpy(builder, to_pointer, from_pointer, length, itemsize=1)
        return context.get_dummy_value()

    integer = numba.types.int64
    return types.void(source, integer, target, integer, integer), generate


@intrinsic
def prefetch(_typing: Any, array: Any, at: Any) -> Any:
    """Ask the processor to fetch a byte, as `kernel.prefetch` says; it takes any address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        opened = _opened(context, builder, signature.args[0], arguments[0])
        pointer = builder.gep(opened.data, [arguments[1]])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(instruction, [pointer, number(0), number(3), number(1)])  # to read, into all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate
