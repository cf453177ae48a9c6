"""Eight bytes of an array as one number: what numba has no word for."""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

_EIGHT = np.uint64(8)


@intrinsic
def _load(typing_context: Any, data: Any, at: Any) -> Any:
    """Return bytes `at` to `at + 8` of a contiguous uint8 array, of which there must be so many."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        eight_bytes = context.get_value_type(types.uint64).as_pointer()
        return builder.load(builder.bitcast(place, eight_bytes), align=1)

    return types.uint64(data, types.uint64), generate


@njit(cache=True, nogil=True)
def load_bytes(data, at, size):  # type: ignore[no-untyped-def]
    """Return the bytes `at` to `at + size` (uint64, at most eight) as one number, the first lowest."""
    if at + _EIGHT <= np.uint64(len(data)):
        packed = _load(data, at)
        if size < _EIGHT:
            packed &= (np.uint64(1) << (size * _EIGHT)) - np.uint64(1)
        return packed
    packed = np.uint64(0)
    for place in range(size):
        packed |= np.uint64(data[at + place]) << (place * _EIGHT)
    return packed
