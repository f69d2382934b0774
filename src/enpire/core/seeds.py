"""Initial-state seeds from a secret key: unpredictable to agents, disjoint by purpose, never repeated.

A seed is 31 bits: 2 bits name the class (search, confirm, claim), 28 bits are a keyed permutation of a counter.
A permutation cannot collide, so seeds within a class are distinct and classes are disjoint by construction.
"""

import hashlib
import hmac
from typing import Literal

SeedClass = Literal["search", "confirm", "claim"]
_CLASS_BITS: dict[SeedClass, int] = {"search": 0, "confirm": 1, "claim": 2}
_HALF_BITS = 14
_HALF_MASK = (1 << _HALF_BITS) - 1


def seed(key: bytes, seed_class: SeedClass, index: int) -> int:
    """The `index`-th seed of a class, in [0, 2**31).

    The permutation is a four-round Feistel network with HMAC-SHA-256 rounds (Luby and Rackoff, 1988).
    """
    if not 0 <= index < 1 << (2 * _HALF_BITS):
        raise ValueError(f"seed index {index} is outside [0, 2**{2 * _HALF_BITS})")
    left, right = index >> _HALF_BITS, index & _HALF_MASK
    for round_number in range(4):
        message = f"{seed_class}:{round_number}:{right}".encode()
        digest = hmac.new(key, message, hashlib.sha256).digest()
        left, right = right, left ^ (int.from_bytes(digest[:4], "big") & _HALF_MASK)
    return (_CLASS_BITS[seed_class] << (2 * _HALF_BITS)) | (left << _HALF_BITS) | right


def class_of(value: int) -> SeedClass:
    """Class a seed belongs to."""
    names: dict[int, SeedClass] = {bits: name for name, bits in _CLASS_BITS.items()}
    return names[value >> (2 * _HALF_BITS)]
