"""A hint for the CPU to load a row of a matrix before it is needed."""

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

from benchbox.models.training.compiling import kernel

# Numbers per cache line of 64 bytes in float32. In float64, every other line is asked
# for, and the CPU loads lines in pairs.
_PER_LINE = 16


@intrinsic
def _ask_for(_: Any, matrix: Any, row: Any, column: Any) -> Any:
    """Generate code that asks for the cache line of a cell, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, *kinds = signature.args
        where = [
            context.cast(builder, index, own, types.intp)
            for index, own in zip(arguments[1:], kinds, strict=True)
        ]
        array = context.make_array(kind)(context, builder, arguments[0])
        cell = cgutils.get_item_pointer(  # type: ignore[no-untyped-call]
            context, builder, kind, array, where, wraparound=False, boundscheck=False
        )
        llvm: Any = cgutils
        byte, number = llvm.voidptr_t, llvm.int32_t
        takes = llvm.ir.FunctionType(llvm.ir.VoidType(), [byte, *(3 * [number])])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [byte], takes)
        # To read; into the second-level cache; data, not instructions.
        constants = number(0), number(2), number(1)
        builder.call(hint, [builder.bitcast(cell, byte), *constants])
        return context.get_dummy_value()

    return types.void(matrix, row, column), generate


@kernel(inline="always")
def prefetch(matrix: Any, row: Any, start: Any, stop: Any) -> None:
    """Ask for columns ``start:stop`` of a row of *matrix*, which are needed soon.

    The CPU does not wait for them. For kernels that are compiled by numba.

    Args:
        matrix: Array of shape ``(n_rows, n_columns)``, whose rows are contiguous.
        row: The row.
        start: First column.
        stop: The column after the last.
    """
    for column in range(start, stop, _PER_LINE):
        _ask_for(matrix, row, column)  # type: ignore[call-arg]
