"""Vectors of 8 or 16 numbers for kernels: one operation computes all lanes.

A loop that numba compiles becomes vector instructions only if LLVM recognizes it, and the terrain's loops are not
recognized. With the functions below a kernel names its vectors itself. They work inside compiled kernels only.

Worked example, for 16 places of a row at a time. ``scaled`` is a kernel for scalars, ``scaled_row`` computes the same
numbers with vectors::

    @kernel
    def scaled(x, low):                       # float32, float32
        return math.sqrt(x) if x > low else np.float32(0)

    @kernel
    def scaled_row(xs, low, out):             # float32 arrays of a multiple of 16 elements
        for i in range(0, xs.size, 16):
            x = load16(xs, i)                 # sixteen float32
            root = sqrt(x)                    # of all lanes, also of those that are not selected
            store(out, i, select(x > low, root, f32x16(0)))

Rules for contributors:

- **Types.** There are vectors of float32, float64, int32 and of truth values (masks), with 8 or 16 lanes. Lanes never
  change between two operations: 8-lane and 16-lane vectors do not mix.
- **Create** vectors with :func:`load16` and :func:`gather` from arrays, or with ``f32x16``, ``f64x16`` and ``i32x16``:
  each takes a scalar, which fills all lanes, or a vector, which is converted lane by lane as ``np.float32`` and so on
  convert (floats to integers by truncation). ``f32x8``, ``f64x8``, ``i32x8`` and ``load8`` are the same for 8 lanes.
  :func:`as_f32`, :func:`as_f64` and :func:`as_i32` convert a vector of any number of lanes.
- **Operators** are ``+ - * /`` (no ``/`` of integers), ``& | ^ ~ << >>`` of integers and masks, and comparisons, which
  return masks. One operand may be a scalar. A float32 vector takes only float32 scalars: write ``np.float32(0.5)``,
  because numba types ``0.5`` as float64 and would round silently.
- **Branches** become :func:`select`. Both sides are computed, so skip costly work with ``if any_of(mask):``.
- **Exactness.** Every lane equals the scalar operation bit by bit: no fast-math, and a fused multiply-add only in
  :func:`fused`, for exact products. :func:`rounded` is the game's rounding to float32 of a float64 vector.
- **Calls.** Pass vectors to and from kernels like numbers, but mark small functions that take them with
  ``@inlined_kernel`` (:mod:`~vwe_dagster.kernels.compiling`): vectors travel in registers only within a function.

The vectors are LLVM's own. LLVM splits a vector that is wider than the registers: 16 float32 are one register of
AVX-512, two of AVX2, four of SSE2 or NEON, and separate numbers on a processor without vector instructions. So there is
one source for all processors, and the fallback is LLVM's. Kernels that fill whole rows use :data:`LANES` lanes, the
number that suits the processor, by the names ``load``, ``f32``, ``f64``, ``i32`` and ``numbers``. numba keeps the
machine code of processors apart by their name and features, and LANES follows from these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np.arrayobj import make_array

Lanes = Any
"""A vector in the annotations of a kernel; mypy does not know numba's types."""

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_ELEMENTS = {"f32": ir.FloatType(), "f64": ir.DoubleType(), "i32": _I32, "mask": ir.IntType(1)}
_SCALARS = {"f32": types.float32, "f64": types.float64, "i32": types.int32}
_KINDS = {
    types.float32: "f32", types.float64: "f64", types.int32: "i32", types.uint32: "i32", types.uint8: "i32",
    types.int8: "i32", types.uint16: "i32", types.int16: "i32",
}  # fmt: skip
"""The kind of vector that the elements of an array become; narrow integers are widened."""


class Vector(types.Type):
    """The numba type of a vector.

    Args:
        kind: ``f32``, ``f64``, ``i32`` or ``mask``.
        lanes: 8 or 16.
    """

    def __init__(self, kind: str, lanes: int) -> None:
        self.kind, self.lanes = kind, lanes
        super().__init__(name=f"{kind}x{lanes}")

    @property
    def is_float(self) -> bool:
        """Whether the lanes are floating-point numbers."""
        return self.kind in {"f32", "f64"}

    @property
    def llvm(self) -> Any:
        """The LLVM type."""
        return ir.VectorType(_ELEMENTS[self.kind], self.lanes)

    def of(self, kind: str) -> Vector:
        """Return the type of as many lanes of another kind."""
        return Vector(kind, self.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


def _constant(vector: Any, values: Any) -> Any:
    """Return a constant of an LLVM vector type, from one value for all lanes or from a list."""
    return ir.Constant(vector, values if isinstance(values, list) else [values] * vector.count)


def _broadcast(builder: Any, value: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, undefined, _constant(ir.VectorType(_I32, vector.count), 0))


def _as_vector(context: Any, builder: Any, value: Any, given: Any, wanted: Vector) -> Any:
    """Return an LLVM value as the vector ``wanted``: itself, or a scalar in all lanes."""
    if isinstance(given, Vector):
        return value
    scalar = context.cast(builder, value, given, _SCALARS[wanted.kind])
    return _broadcast(builder, scalar, wanted.llvm)


def _common(a: Any, b: Any) -> Vector | None:
    """Return the vector type that two operands have in common; None if they cannot be combined."""
    if isinstance(a, Vector) and isinstance(b, Vector):
        return a if a == b else None
    vector, scalar = (a, b) if isinstance(a, Vector) else (b, a)
    if not isinstance(vector, Vector) or not isinstance(scalar, types.Number) or vector.kind == "mask":
        return None
    if vector.kind == "f32":
        return vector if scalar == types.float32 else None
    return vector if vector.kind == "f64" or isinstance(scalar, types.Integer) else None


_FLOAT_OPERATIONS = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
_INTEGER_OPERATIONS = {
    operator.add: "add", operator.sub: "sub", operator.mul: "mul", operator.and_: "and_", operator.or_: "or_",
    operator.xor: "xor", operator.lshift: "shl", operator.rshift: "ashr",
}  # fmt: skip
_MASK_OPERATIONS = {operator.and_: "and_", operator.or_: "or_", operator.xor: "xor"}
_COMPARISONS = {
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}  # fmt: skip


def _operations(vector: Vector) -> dict[Any, str]:
    if vector.kind == "mask":
        return _MASK_OPERATIONS
    return {**(_FLOAT_OPERATIONS if vector.is_float else _INTEGER_OPERATIONS), **_COMPARISONS}


_IN_PLACE = {
    operator.add: operator.iadd, operator.sub: operator.isub, operator.mul: operator.imul,
    operator.truediv: operator.itruediv, operator.and_: operator.iand, operator.or_: operator.ior,
    operator.xor: operator.ixor, operator.lshift: operator.ilshift, operator.rshift: operator.irshift,
}  # fmt: skip
"""The operators of assignments, which numba types separately; a vector is a value and is never changed in place."""


def _register_binary(op: Any, written: Any) -> None:
    """Let numba type and compile an operator of Python for vectors; ``written`` is the operator in the kernel."""

    @infer_global(written)
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  numba's interface
            common = _common(*args) if len(args) == 2 else None
            if common is None or op not in _operations(common):
                return None
            return signature(common.of("mask") if op in _COMPARISONS else common, *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        common = _common(*sig.args)
        assert common is not None  # noqa: S101  the template has checked it
        a, b = (_as_vector(context, builder, v, t, common) for v, t in zip(args, sig.args, strict=True))
        name = _operations(common)[op]
        if op not in _COMPARISONS:
            return getattr(builder, name)(a, b)
        if not common.is_float:
            return builder.icmp_signed(name, a, b)
        return (builder.fcmp_unordered if op is operator.ne else builder.fcmp_ordered)(name, a, b)

    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(written, *pair)(lower)


def _register_unary(op: Any, lower: Callable[[Any, Vector, Any], Any], kinds: set[str]) -> None:
    @infer_global(op)
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  numba's interface
            fits = len(args) == 1 and isinstance(args[0], Vector) and args[0].kind in kinds
            return signature(args[0], args[0]) if fits else None

    @lower_builtin(op, Vector)  # type: ignore[untyped-decorator]
    def _lower(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return lower(builder, sig.args[0], args[0])


for _op in (*_FLOAT_OPERATIONS, *list(_INTEGER_OPERATIONS)[3:], *_COMPARISONS):
    _register_binary(_op, _op)
for _op, _written in _IN_PLACE.items():
    _register_binary(_op, _written)
_register_unary(operator.neg, lambda b, t, v: b.fneg(v) if t.is_float else b.neg(v), {"f32", "f64", "i32"})
_register_unary(operator.invert, lambda b, _t, v: b.not_(v), {"i32", "mask"})


def _call(builder: Any, name: str, vector: Any, *args: Any) -> Any:
    """Call a function of LLVM whose arguments and result are vectors of one type."""
    suffix = {"float": "f32", "double": "f64", "i32": "i32"}[str(vector.element)]
    kind = ir.FunctionType(vector, [vector] * len(args))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{vector.count}{suffix}")
    return builder.call(function, args)


def _convert(builder: Any, value: Any, given: Vector, wanted: Vector) -> Any:
    casts = {
        ("f32", "f64"): builder.fpext, ("f64", "f32"): builder.fptrunc, ("i32", "f32"): builder.sitofp,
        ("i32", "f64"): builder.sitofp, ("f32", "i32"): builder.fptosi, ("f64", "i32"): builder.fptosi,
        ("mask", "i32"): builder.zext,
    }  # fmt: skip
    return value if given == wanted else casts[given.kind, wanted.kind](value, wanted.llvm)


def _constructor(kind: str, lanes: int) -> Any:
    vector = Vector(kind, lanes)

    @intrinsic  # type: ignore[untyped-decorator]
    def construct(_typing: Any, value: Any) -> Any:
        if isinstance(value, Vector):
            if value.lanes != lanes or (value.kind == "mask" and kind != "i32"):
                return None
        elif not isinstance(value, types.Number):
            return None

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if isinstance(sig.args[0], Vector):
                return _convert(builder, args[0], sig.args[0], vector)
            return _as_vector(context, builder, args[0], sig.args[0], vector)

        return signature(vector, value), lower

    return construct


f32x8, f64x8, i32x8 = (_constructor(kind, 8) for kind in _SCALARS)
f32x16, f64x16, i32x16 = (_constructor(kind, 16) for kind in _SCALARS)


def _conversion(kind: str) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def convert(_typing: Any, value: Any) -> Any:
        if not isinstance(value, Vector) or (value.kind == "mask" and kind != "i32"):
            return None
        vector = value.of(kind)

        def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return _convert(builder, args[0], value, vector)

        return signature(vector, value), lower

    return convert


as_f32, as_f64, as_i32 = (_conversion(kind) for kind in _SCALARS)
"""A vector converted lane by lane, for kernels that do not know how many lanes they are called with."""


def _numbers(lanes: int) -> Any:
    vector = Vector("i32", lanes)

    @intrinsic  # type: ignore[untyped-decorator]
    def numbers(_typing: Any) -> Any:
        return signature(vector), lambda *_: _constant(vector.llvm, list(range(lanes)))

    return numbers


numbers8, numbers16 = _numbers(8), _numbers(16)
"""``numbers16()`` returns the int32 vector 0, 1, 2, up to 15."""


@intrinsic  # type: ignore[untyped-decorator]
def reinterpreted(_typing: Any, a: Any) -> Any:
    """Return a float32 vector's bits as an int32 vector, or the float32 vector that has the bits of an int32 vector."""
    if not isinstance(a, Vector) or a.kind not in {"f32", "i32"}:
        return None
    vector = a.of("i32" if a.kind == "f32" else "f32")
    return signature(vector, a), lambda _context, builder, _sig, args: builder.bitcast(args[0], vector.llvm)


@intrinsic  # type: ignore[untyped-decorator]
def rounded(_typing: Any, a: Any) -> Any:
    """Round a float64 vector to float32, to nearest, ties to even, and widen it again."""
    if not isinstance(a, Vector) or a.kind != "f64":
        return None

    def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.fpext(builder.fptrunc(args[0], a.of("f32").llvm), a.llvm)

    return signature(a, a), lower


def _float_function(name: str) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def function(_typing: Any, a: Any) -> Any:
        if not isinstance(a, Vector) or not a.is_float:
            return None
        return signature(a, a), lambda _context, builder, _sig, args: _call(builder, name, a.llvm, *args)

    return function


sqrt, floor, ceil, absolute = (_float_function(name) for name in ("sqrt", "floor", "ceil", "fabs"))
"""Of a float32 or float64 vector, correctly rounded."""


@intrinsic  # type: ignore[untyped-decorator]
def fused(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` of float vectors where ``a * b`` is exact, such as with ``a`` -1, 0 or 1.

    Processors with a fused multiply-add use it; the bits are the same without one, because the product is exact.
    """
    if not isinstance(a, Vector) or not a.is_float or not a == b == c:
        return None

    def lower(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        if _has_fma(context):
            return _call(builder, "fma", a.llvm, *args)
        return builder.fadd(builder.fmul(args[0], args[1]), args[2])

    return signature(a, a, b, c), lower


def _has_fma(context: Any) -> bool:
    triple, _, features = context.codegen().magic_tuple()
    return "+fma" in features.split(",") or triple.startswith("aarch64")


@intrinsic  # type: ignore[untyped-decorator]
def quotient(_typing: Any, a: Any, divisor: Any) -> Any:
    """Return ``a / divisor`` of a float32 vector and a float32 scalar, by multiplications if the processor has FMA.

    The bits are those of the division only for some divisors: a test must try every float32 mantissa, as that of
    ``PERLIN_SCALE`` does. The lanes must be 0 or at least 2**-100.
    """
    if not isinstance(a, Vector) or a.kind != "f32" or divisor != types.float32:
        return None

    def lower(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        by = _broadcast(builder, args[1], a.llvm)
        if not _has_fma(context):
            return builder.fdiv(args[0], by)
        inverse = builder.fdiv(_constant(a.llvm, 1.0), by)
        near = builder.fmul(args[0], inverse)
        rest = _call(builder, "fma", a.llvm, builder.fneg(near), by, args[0])
        return _call(builder, "fma", a.llvm, rest, inverse, near)

    return signature(a, a, divisor), lower


@intrinsic  # type: ignore[untyped-decorator]
def select(_typing: Any, mask: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` in the lanes that are set in ``mask``, ``no`` in the others; one of the two may be a scalar."""
    common = _common(yes, no)
    if common is None:
        is_masks = isinstance(yes, Vector) and yes == no
        common = yes if is_masks else None
    if common is None or mask != common.of("mask"):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        sides = (_as_vector(context, builder, args[i], sig.args[i], common) for i in (1, 2))
        return builder.select(args[0], *sides)

    return signature(common, mask, yes, no), lower


def _chosen(comparison: str) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def choose(_typing: Any, a: Any, b: Any) -> Any:
        common = _common(a, b)
        if common is None or common.kind == "mask":
            return None

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, y = (_as_vector(context, builder, v, t, common) for v, t in zip(args, sig.args, strict=True))
            compare = builder.fcmp_ordered if common.is_float else builder.icmp_signed
            return builder.select(compare(comparison, y, x), y, x)

        return signature(common, a, b), lower

    return choose


least, greatest = _chosen("<"), _chosen(">")
"""The smaller and the larger of two vectors, like Python's ``min(a, b)`` and ``max(a, b)``: ``a`` if not comparable."""


@intrinsic  # type: ignore[untyped-decorator]
def bits(_typing: Any, mask: Any) -> Any:
    """Return a mask as an int64: lane 0 is the lowest bit."""
    if not isinstance(mask, Vector) or mask.kind != "mask":
        return None

    def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(mask.lanes)), _I64)

    return signature(types.int64, mask), lower


def _place_of_bit(name: str) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def place(_typing: Any, number: Any) -> Any:
        if number != types.int64:
            return None

        def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            zeros = getattr(builder, name)(args[0], ir.Constant(ir.IntType(1), 1))
            return zeros if name == "cttz" else builder.sub(ir.Constant(_I64, 63), zeros)

        return signature(types.int64, number), lower

    return place


lowest_bit, highest_bit = _place_of_bit("cttz"), _place_of_bit("ctlz")
"""The place of the lowest and of the highest bit that is set in an int64 other than 0: a lane of :func:`bits`."""


def _quantifier(is_all: bool) -> Any:  # noqa: FBT001
    @intrinsic  # type: ignore[untyped-decorator]
    def quantify(_typing: Any, mask: Any) -> Any:
        if not isinstance(mask, Vector) or mask.kind != "mask":
            return None

        def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            whole = ir.IntType(mask.lanes)
            number = builder.bitcast(args[0], whole)
            return builder.icmp_unsigned("==" if is_all else "!=", number, ir.Constant(whole, -1 if is_all else 0))

        return signature(types.boolean, mask), lower

    return quantify


any_of, all_of = _quantifier(False), _quantifier(True)  # noqa: FBT003
"""Whether any lane, or every lane, of a mask is set."""


def _mask(lanes: int) -> Any:
    vector, whole = Vector("mask", lanes), {8: types.uint8, 16: types.uint16}[lanes]

    @intrinsic  # type: ignore[untyped-decorator]
    def mask(_typing: Any, number: Any) -> Any:
        if not isinstance(number, (types.Integer, types.Boolean)):
            return None

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if isinstance(sig.args[0], types.Boolean):
                return _broadcast(builder, builder.trunc(args[0], ir.IntType(1)), vector.llvm)
            return builder.bitcast(context.cast(builder, args[0], sig.args[0], whole), vector.llvm)

        return signature(vector, number), lower

    return mask


mask8, mask16 = _mask(8), _mask(16)
"""A mask from the bits of an integer, lane 0 the lowest, or from one truth value for all lanes."""


@intrinsic  # type: ignore[untyped-decorator]
def lane(_typing: Any, a: Any, number: Any) -> Any:
    """Return one lane as a scalar."""
    if not isinstance(a, Vector) or a.kind == "mask" or not isinstance(number, types.Integer):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_element(args[0], context.cast(builder, args[1], sig.args[1], types.int32))

    return signature(_SCALARS[a.kind], a, number), lower


def _is_readable(array: Any, place: Any) -> bool:
    """Return whether an array type has C order and elements that vectors can hold, and ``place`` fits its axes."""
    indices = place.types if isinstance(place, types.containers.BaseTuple) else (place,)
    is_array = isinstance(array, types.Array) and array.layout == "C" and array.dtype in _KINDS
    return is_array and array.ndim == len(indices) and all(isinstance(i, types.Integer) for i in indices)


def _pointer(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Return the address of ``array[place]``, the first two arguments; ``place`` is unchecked and does not wrap."""
    array = make_array(sig.args[0])(context, builder, args[0])
    place = sig.args[1]
    if isinstance(place, types.containers.BaseTuple):
        given = zip(cgutils.unpack_tuple(builder, args[1]), place.types, strict=True)
    else:
        given = zip([args[1]], [place], strict=True)
    indices = [context.cast(builder, value, kind, types.intp) for value, kind in given]
    return cgutils.get_item_pointer(context, builder, sig.args[0], array, indices, wraparound=False, boundscheck=False)


def _element(context: Any, array: Any) -> tuple[Any, int]:
    """Return the LLVM type and the bytes of an element of an array."""
    stored = context.get_data_type(array.dtype)
    return stored, context.get_abi_sizeof(stored)


def _load(lanes: int) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def load(_typing: Any, array: Any, place: Any) -> Any:
        if not _is_readable(array, place):
            return None
        vector = Vector(_KINDS[array.dtype], lanes)

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            stored, size = _element(context, array)
            kind = ir.VectorType(stored, lanes)
            pointer = builder.bitcast(_pointer(context, builder, sig, args), kind.as_pointer())
            return _widened(builder, builder.load(pointer, align=size), array.dtype, vector)

        return signature(vector, array, place), lower

    return load


load8, load16 = _load(8), _load(16)
"""``load16(array, place)`` reads the 16 elements from ``place`` on; in a 2-D array ``place`` is ``(row, column)``.

Nothing is checked: the elements must exist. Integers of 8 and 16 bits are widened to int32.
"""


def _widened(builder: Any, value: Any, dtype: Any, vector: Vector) -> Any:
    if value.type == vector.llvm:
        return value
    return (builder.sext if dtype.signed else builder.zext)(value, vector.llvm)


@intrinsic  # type: ignore[untyped-decorator]
def store(_typing: Any, array: Any, place: Any, value: Any) -> Any:
    """Write a vector to the elements from ``place`` on; the lowest bits of int32 lanes to arrays of small integers."""
    if not _is_readable(array, place) or not array.mutable or not isinstance(value, Vector):
        return None
    if _KINDS[array.dtype] != value.kind:
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        stored, size = _element(context, array)
        kind = ir.VectorType(stored, value.lanes)
        pointer = builder.bitcast(_pointer(context, builder, sig, args), kind.as_pointer())
        builder.store(args[2] if kind == value.llvm else builder.trunc(args[2], kind), pointer, align=size)
        return context.get_dummy_value()

    return signature(types.void, array, place, value), lower


@intrinsic  # type: ignore[untyped-decorator]
def gather(_typing: Any, array: Any, places: Any) -> Any:
    """Return ``array[places]`` lane by lane, for a 1-D array and int32 places that must exist."""
    if not _is_readable(array, types.intp) or not isinstance(places, Vector) or places.kind != "i32":
        return None
    vector = places.of(_KINDS[array.dtype])

    def lower(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        stored, size = _element(context, array)
        data = make_array(array)(context, builder, args[0]).data
        loaded = ir.VectorType(stored, places.lanes)
        if size in {4, 8}:
            return _hardware_gather(builder, data, args[1], loaded, size)
        values = ir.Constant(loaded, ir.Undefined)
        for k in range(places.lanes):
            number = ir.Constant(_I32, k)
            at = builder.sext(builder.extract_element(args[1], number), _I64)
            values = builder.insert_element(values, builder.load(builder.gep(data, [at])), number)
        return _widened(builder, values, array.dtype, vector)

    return signature(vector, array, places), lower


def _hardware_gather(builder: Any, data: Any, places: Any, vector: Any, size: int) -> Any:
    """Build a gather that LLVM turns into the processor's instruction, or into separate loads if they are faster."""
    wide = ir.VectorType(_I64, vector.count)
    offsets = builder.mul(builder.sext(places, wide), _constant(wide, size))
    addresses = builder.add(_broadcast(builder, builder.ptrtoint(data, _I64), wide), offsets)
    pointers = ir.VectorType(vector.element.as_pointer(), vector.count)
    mask = ir.VectorType(ir.IntType(1), vector.count)
    suffix = {"float": "f32", "double": "f64", "i32": "i32"}[str(vector.element)]
    kind = ir.FunctionType(vector, [pointers, _I32, mask, vector])
    name = f"llvm.masked.gather.v{vector.count}{suffix}.v{vector.count}p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    arguments = [builder.inttoptr(addresses, pointers), ir.Constant(_I32, size)]
    return builder.call(function, [*arguments, _constant(mask, 1), ir.Constant(vector, ir.Undefined)])


@intrinsic  # type: ignore[untyped-decorator]
def permute(_typing: Any, table: Any, places: Any) -> Any:
    """Return the lanes of ``table`` at ``places``, an int32 vector of lane numbers: a gather from a register."""
    if not isinstance(table, Vector) or not isinstance(places, Vector) or table.kind == "mask":
        return None
    if places != table.of("i32"):
        return None

    def lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        # LLVM recognizes this pattern and uses the processor's permutation if it has one.
        result = ir.Constant(table.llvm, ir.Undefined)
        for k in range(table.lanes):
            number = ir.Constant(_I32, k)
            at = builder.zext(builder.extract_element(args[1], number), _I64)
            result = builder.insert_element(result, builder.extract_element(args[0], at), number)
        return result

    return signature(table, table, places), lower


def _features() -> frozenset[str]:
    """Return the processor features that kernels use: those of numba's setting, or else those of this processor."""
    if config.CPU_FEATURES is not None:
        return frozenset(each[1:] for each in config.CPU_FEATURES.split(",") if each.startswith("+"))
    return frozenset(name for name, has in llvmlite.binding.get_host_cpu_features().items() if has)


def instruction_set() -> str:
    """Return the common name of the widest vector instructions that kernels are compiled for."""
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sse2": "SSE2", "sve": "SVE", "neon": "NEON"}
    return next((name for feature, name in names.items() if feature in _features()), "no vector instructions")


LANES = 16 if "avx512f" in _features() else 8
"""Lanes for kernels that fill rows: one register of float32 with AVX-512 and with AVX2."""
load, numbers = (load16, numbers16) if LANES == 16 else (load8, numbers8)
f32, f64, i32 = (f32x16, f64x16, i32x16) if LANES == 16 else (f32x8, f64x8, i32x8)
