"""Checks an Ed25519 signature with nothing but Python, so that an auditor needs no cryptographic package and can read the whole of it.

After RFC 8032, section 5.1.7, without cofactor, as OpenSSL does it, and stricter in what it takes: a number S not below the order of the
group is refused (or one signature could be written in two ways), so are points not written in their only form, and public keys of small
order (under which one signature fits every message). Only public values are handled, so nothing here need run in constant time.
"""

import hashlib

Point = tuple[int, int, int, int]
"""Extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z."""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL: Point = (0, 1, 1, 0)


def signature_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes) over ``message`` was made with the key whose public half (32 bytes) this is."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, point, number = _decoded(public), _decoded(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or point is None or number >= ORDER or _is_small(key):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return _same(_times(number, BASE), _sum(point, _times(challenge, key)))


def _decoded(text: bytes) -> Point | None:
    """The point that 32 bytes stand for; None when there is none or when the bytes are not its only form."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    total = NEUTRAL
    while number:
        if number & 1:
            total = _sum(total, point)
        point, number = _sum(point, point), number >> 1
    return total


def _same(one: Point, other: Point) -> bool:
    return not ((one[0] * other[2] - other[0] * one[2]) % P or (one[1] * other[2] - other[1] * one[2]) % P)


def _is_small(point: Point) -> bool:
    return _same(_times(8, point), NEUTRAL)


_base = _decoded((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
assert _base is not None
BASE: Point = _base
