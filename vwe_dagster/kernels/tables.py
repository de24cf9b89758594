"""Constant arrays of which compiled code has one copy.

numba copies an array of a module into the code at every place that uses it, also where kernels are inlined. Nine copies
of a table of 256 KB do not fit into the second cache of a core, one does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
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
    """The variable of LLVM with a name; modules that are linked keep one of the same name."""
    existing = module.globals.get(name)
    if existing is not None:
        return existing
    initial = ir.Constant(ir.ArrayType(ir.IntType(8), len(content)), bytearray(content))
    variable = ir.GlobalVariable(module, initial.type, name)
    variable.initializer, variable.global_constant, variable.linkage, variable.align = initial, True, "linkonce_odr", 64
    return variable
