"""Products of a few rows with a large weight, and the optimiser's step on such a weight, near the processor's peak.

A matrix library copies the weight into another layout before each product, which costs as much as a third of the
product where a batch has 32 rows; these loops read it where it lies. A weight's gradient is never in memory: it
is made from its two factors, 4 x 64 numbers at a time in registers, when the weight is updated.

Vectors of 64 numbers become as many registers as the processor needs. Compiled at first use and kept beside this
file, or in the user's cache; all in one file, because the compiler looks for changes in this file alone.
Rows come in fours, outputs in 16s and inputs in 64s: `strokebench.methods.linear` sees to it.
"""

# The loops are typed when they are compiled, which a type checker knows nothing of.
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

WIDE, NARROW = 64, 16
ROWS = 4


class Lanes(types.Type):
    """So many float32 numbers in registers."""

    def __init__(self, count: int) -> None:
        super().__init__(name=f"Lanes({count})")
        self.count = count


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, ir.VectorType(ir.FloatType(), lanes.count))


wide, narrow = Lanes(WIDE), Lanes(NARROW)
_FLOAT, _INT, _BYTES = ir.FloatType(), ir.IntType(32), ir.IntType(8).as_pointer()
_WIDE, _NARROW = ir.VectorType(_FLOAT, WIDE), ir.VectorType(_FLOAT, NARROW)


def _pointer(context, builder, array_type, array, *place):
    array = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, array_type, array, place, wraparound=False)


def _read(builder, pointer, vector_type):
    return builder.load(builder.bitcast(pointer, vector_type.as_pointer()), align=4)


def _write(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=4)


def _shuffled(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, len(lanes)), lanes))


def _call(builder, name, result, *arguments):
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), arguments)


def _joined(builder, parts):
    """Four narrow vectors as a wide one."""
    halves = [_shuffled(builder, *pair, list(range(2 * NARROW))) for pair in (parts[:2], parts[2:])]
    return _shuffled(builder, *halves, list(range(WIDE)))


@intrinsic
def row(typing, array, i, j):
    """64 neighbours of a row, from (i, j)."""

    def code(context, builder, signature, arguments):
        return _read(builder, _pointer(context, builder, signature.args[0], *arguments), _WIDE)

    return wide(array, i, j), code


@intrinsic
def four_rows(typing, array, i, j):
    """16 neighbours of each of four rows, from (i, j)."""

    def code(context, builder, signature, arguments):
        values, first, column = arguments
        rows = [builder.add(first, first.type(k)) for k in range(ROWS)]
        pointers = [_pointer(context, builder, signature.args[0], values, each, column) for each in rows]
        return _joined(builder, [_read(builder, pointer, _NARROW) for pointer in pointers])

    return wide(array, i, j), code


@intrinsic
def repeated(typing, array, i, j):
    """16 neighbours of a row, from (i, j), four times."""

    def code(context, builder, signature, arguments):
        part = _read(builder, _pointer(context, builder, signature.args[0], *arguments), _NARROW)
        return _joined(builder, [part] * ROWS)

    return wide(array, i, j), code


@intrinsic
def filled(typing, number):
    """One number 64 times."""

    def code(context, builder, signature, arguments):
        undefined = ir.Constant(_WIDE, ir.Undefined)
        return _shuffled(builder, builder.insert_element(undefined, arguments[0], _INT(0)), undefined, [0] * WIDE)

    return wide(number), code


@intrinsic
def put_row(typing, array, i, j, vector):
    """Write 64 neighbours of a row, from (i, j)."""

    def code(context, builder, signature, arguments):
        *place, value = arguments
        _write(builder, value, _pointer(context, builder, signature.args[0], *place))
        return context.get_dummy_value()

    return types.void(array, i, j, vector), code


@intrinsic
def put_block(typing, array, i, j, vector, bias):
    """Write 4 x 4 numbers, from (i, j), each with its column's bias added."""

    def code(context, builder, signature, arguments):
        values, first, column, vector, bias = arguments
        four = ir.VectorType(_FLOAT, ROWS)
        added = _read(builder, _pointer(context, builder, signature.args[4], bias, column), four)
        for k in range(ROWS):
            part = builder.fadd(_shuffled(builder, vector, vector, [ROWS * k + lane for lane in range(ROWS)]), added)
            own = builder.add(first, first.type(k))
            _write(builder, part, _pointer(context, builder, signature.args[0], values, own, column))
        return context.get_dummy_value()

    return types.void(array, i, j, vector, bias), code


@intrinsic
def prefetch(typing, array, i, j):
    """Ask for 64 neighbours of a row, from (i, j), in the second-level cache; the first has too few places for it."""

    def code(context, builder, signature, arguments):
        start = builder.bitcast(_pointer(context, builder, signature.args[0], *arguments), _BYTES)
        for line in range(0, 4 * WIDE, 64):
            address = builder.gep(start, [_INT(line)])
            _call(builder, "llvm.prefetch.p0", ir.VoidType(), address, _INT(0), _INT(2), _INT(1))
        return context.get_dummy_value()

    return types.void(array, i, j), code


@intrinsic
def fma(typing, x, y, z):
    """x y + z."""

    def code(context, builder, signature, arguments):
        return _call(builder, f"llvm.fma.v{WIDE}f32", _WIDE, *arguments)

    return wide(x, y, z), code


@intrinsic
def root(typing, x):
    """Square roots."""

    def code(context, builder, signature, arguments):
        return _call(builder, f"llvm.sqrt.v{WIDE}f32", _WIDE, *arguments)

    return wide(x), code


@intrinsic
def sums(typing, a, b, c, d):
    """The sums of 16 neighbours each, in order: 16 numbers of four wide vectors."""

    def code(context, builder, signature, arguments):
        parts = [
            _shuffled(builder, vector, vector, list(range(start, start + NARROW)))
            for vector in arguments
            for start in range(0, WIDE, NARROW)
        ]
        size = NARROW
        # Each turn adds the halves of two vectors' groups of lanes, and leaves half as many vectors.
        while len(parts) > 1:
            half, size = len(parts) // 2, size // 2
            first = [
                group + offset + lane for group in range(0, NARROW, 2 * size) for offset in (0, NARROW)
                for lane in range(size)
            ]  # fmt: skip
            second = [lane + size for lane in first]
            parts = [
                builder.fadd(_shuffled(builder, x, y, first), _shuffled(builder, x, y, second))
                for x, y in zip(parts[:half], parts[half:], strict=True)
            ]
        return parts[0]

    return narrow(a, b, c, d), code


@intrinsic
def dot(typing, x, y):
    """Of two narrow vectors, added up in float64: the terms may cancel."""

    def code(context, builder, signature, arguments):
        double = ir.VectorType(ir.DoubleType(), NARROW)
        product = builder.fmul(*(builder.fpext(each, double) for each in arguments))
        zero = ir.Constant(ir.DoubleType(), 0.0)
        return _call(builder, f"llvm.vector.reduce.fadd.v{NARROW}f64", ir.DoubleType(), zero, product)

    return types.float64(x, y), code


def _arithmetic(operation, instruction):
    @intrinsic
    def both(typing, x, y):
        def code(context, builder, signature, arguments):
            # A product and the sum that it goes into may become one instruction.
            return getattr(builder, instruction)(*arguments, flags=["contract"])

        return wide(x, y), code

    @overload(operation)
    def on_lanes(x, y):
        if x == wide and y == wide:
            return lambda x, y: both(x, y)
        return None


for _operation, _instruction in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
):  # fmt: skip
    _arithmetic(_operation, _instruction)


def _compiled(function):
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        # Neither this folder nor the user's cache can be written to.
        return njit(error_model="numpy")(function)


@_compiled
def forward(out, x, weight, bias):
    """out (rows, n) = x (rows, k) @ weight (n, k).T + bias (n,)."""
    rows, outputs, inputs = x.shape[0], weight.shape[0], weight.shape[1]
    zero = filled(np.float32(0))
    share = -(-inputs // (rows // ROWS * WIDE)) * WIDE
    for n in range(0, outputs, ROWS):
        following = min(n + ROWS, outputs - ROWS)
        for i in range(0, rows, ROWS):
            start = i // ROWS * share
            for k in range(start, min(start + share, inputs), WIDE):
                for each in range(ROWS):
                    prefetch(weight, following + each, k)
            a = b = c = d = zero
            for k in range(0, inputs, NARROW):
                w = four_rows(weight, n, k)
                a = fma(repeated(x, i, k), w, a)
                b = fma(repeated(x, i + 1, k), w, b)
                c = fma(repeated(x, i + 2, k), w, c)
                d = fma(repeated(x, i + 3, k), w, d)
            put_block(out, i, n, sums(a, b, c, d), bias)


@_compiled
def backward(out, gradient, weight):
    """out (rows, k) = gradient (rows, n) @ weight (n, k)."""
    rows, outputs, inputs = gradient.shape[0], weight.shape[0], weight.shape[1]
    zero = filled(np.float32(0))
    for k in range(0, inputs, WIDE):
        for i in range(0, rows, ROWS):
            a = b = c = d = zero
            for n in range(outputs):
                w = row(weight, n, k)
                a = fma(filled(gradient[i, n]), w, a)
                b = fma(filled(gradient[i + 1, n]), w, b)
                c = fma(filled(gradient[i + 2, n]), w, c)
                d = fma(filled(gradient[i + 3, n]), w, d)
            put_row(out, i, k, a)
            put_row(out, i + 1, k, b)
            put_row(out, i + 2, k, c)
            put_row(out, i + 3, k, d)


@_compiled
def _products_of_rows(x, i, j):
    """The 4 x 4 scalar products of the rows from i and from j."""
    a = b = c = d = filled(np.float32(0))
    for k in range(0, x.shape[1], NARROW):
        others = four_rows(x, j, k)
        a = fma(repeated(x, i, k), others, a)
        b = fma(repeated(x, i + 1, k), others, b)
        c = fma(repeated(x, i + 2, k), others, c)
        d = fma(repeated(x, i + 3, k), others, d)
    return sums(a, b, c, d)


@_compiled
def square_norm(left, right):
    """The sum of squares of left.T @ right, for left (rows, n) and right (rows, k), without the product."""
    total = 0.0
    for i in range(0, left.shape[0], ROWS):
        for j in range(0, i + ROWS, ROWS):
            block = dot(_products_of_rows(left, i, j), _products_of_rows(right, i, j))
            total += block if i == j else 2 * block
    return total


@_compiled
def _moved(value, mean, square, i, k, gradient, near, square_near, size, eps):
    """Update 64 numbers."""
    m = row(mean, i, k)
    m = m + near * (gradient - m)
    s = row(square, i, k)
    s = s + square_near * (gradient * gradient - s)
    put_row(mean, i, k, m)
    put_row(square, i, k, s)
    put_row(value, i, k, row(value, i, k) - size * m / (root(s) + eps))


@_compiled
def update(value, mean, square, left, right, near, square_near, size, eps):
    """Adam's step on value (n, k) with the gradient left.T @ right, for left (rows, n) and right (rows, k).

    Args:
        value, mean, square: changed in place.
        near, square_near: 1 - beta of the mean and of the mean square.
        size: learning rate. size and eps include every correction of the bias.
    """
    rows, outputs, inputs = left.shape[0], value.shape[0], value.shape[1]
    zero = filled(np.float32(0))
    near, square_near, size, eps = filled(near), filled(square_near), filled(size), filled(eps)
    for n in range(0, outputs, ROWS):
        for k in range(0, inputs, WIDE):
            ahead, line = n, k + 2 * WIDE
            if line >= inputs:
                ahead, line = min(n + ROWS, outputs - ROWS), max(line - inputs, 0)
            for each in range(ROWS):
                prefetch(value, ahead + each, line)
                prefetch(mean, ahead + each, line)
                prefetch(square, ahead + each, line)
            a = b = c = d = zero
            for i in range(rows):
                x = row(right, i, k)
                a = fma(filled(left[i, n]), x, a)
                b = fma(filled(left[i, n + 1]), x, b)
                c = fma(filled(left[i, n + 2]), x, c)
                d = fma(filled(left[i, n + 3]), x, d)
            _moved(value, mean, square, n, k, a, near, square_near, size, eps)
            _moved(value, mean, square, n + 1, k, b, near, square_near, size, eps)
            _moved(value, mean, square, n + 2, k, c, near, square_near, size, eps)
            _moved(value, mean, square, n + 3, k, d, near, square_near, size, eps)
