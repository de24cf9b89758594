"""Memory of kernels: constant arrays with a single copy in compiled code, and prefetches.

numba copies an array of a module into the code at every place that uses it, also where kernels are inlined. Nine copies
of a table of 256 KB do not fit into the second-level cache of a core, but one does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype


def shared_table(values: npt.NDArray[Any]) -> Callable[[], npt.NDArray[Any]]:
    """Return a function for kernels that returns ``values``, a constant 1-D array in C order."""
    array = np.ascontiguousarray(values)
    content = array.tobytes()
    name = f"vwe.table.{hashlib.sha256(content).hexdigest()[:16]}"
    kind = types.Array(from_dtype(array.dtype), 1, "C", readonly=True)

    @intrinsic  # type: ignore[untyped-decorator]
    def table(_typing: Any) -> Any:
        def lower(context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
            data = _global(builder.module, name, content)
            result = make_array(kind)(context, builder)
            size, width = (context.get_constant(types.intp, n) for n in (array.size, array.itemsize))
            pointer = builder.bitcast(data, result.data.type)
            populate_array(result, pointer, shape=[size], strides=[width], itemsize=width, meminfo=None, parent=None)
            return result._getvalue()  # noqa: SLF001  numba's own interface for values

        return kind(), lower

    shared: Callable[[], npt.NDArray[Any]] = table
    return shared


def _global(module: Any, name: str, content: bytes) -> Any:
    """Return the global variable of LLVM with a name; linked modules share the variables of one name."""
    existing = module.globals.get(name)
    if existing is not None:
        return existing
    initial = ir.Constant(ir.ArrayType(ir.IntType(8), len(content)), bytearray(content))
    variable = ir.GlobalVariable(module, initial.type, name)
    variable.initializer, variable.global_constant, variable.linkage, variable.align = initial, True, "linkonce_odr", 64
    return variable


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_typing: Any, array: Any, place: Any) -> Any:
    """Start to load ``array[place]`` of a 1-D array into the caches; the element need not exist."""
    if not isinstance(array, types.Array) or array.ndim != 1 or not isinstance(place, types.Integer):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = make_array(array)(context, builder, args[0]).data
        address = builder.gep(data, [context.cast(builder, args[1], sig.args[1], types.intp)])
        bytes_, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [bytes_, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [builder.bitcast(address, bytes_), *(ir.Constant(number, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, place), lower
