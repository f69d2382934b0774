"""Random damage: to bytes, to JSON, to a file of pages."""

import json

NASTY = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    2**64,
    10**400,
    1e308,
    -0.0,
    5e-324,
    "",
    "\0",
    "../x",
    "é" * 50,
    [],
    {},
    [[[[]]]],
    {"": ""},
    "NaN",
    "0" * 64,
]
RAW = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"1" * 5000,
    b"[" * 5000,
    b'"\\ud800"',
    b"\xff\xfe",
    b'{"a":1,"a":2}',
]


def damage_bytes(data, rng):
    """Flipped, dropped, repeated, overwritten or swapped bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 40))):
        at = rng.randrange(len(data)) if data else 0
        length = rng.choice((1, 1, 2, 4, 8, 30, 300))
        match rng.randrange(6):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = rng.randbytes(len(data[at : at + length]))
            case 4:
                data[at : at + length] = rng.choice((b"\0", b"\xff")) * len(data[at : at + length])
            case 5:
                del data[at if rng.random() < 0.5 else len(data) - length :]
    return bytes(data)


def damage_json(data, rng):
    """A value somewhere in a JSON text replaced, removed, repeated or swapped with another one.

    Raises:
        ValueError: It is not an object or an array to begin with.
    """
    plain = json.loads(data)
    if not isinstance(plain, dict | list):
        raise ValueError("nothing to damage")
    for _ in range(rng.choice((1, 1, 2))):
        places = []
        stack = [plain]
        while stack:
            node = stack.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node))
            places += [(node, key) for key in keys]
            stack += [node[key] for key in keys if isinstance(node[key], dict | list)]
        if not places:
            break
        node, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                node[key] = rng.choice(NASTY)
            case 1:
                del node[key]
            case 2:
                other, place = rng.choice(places)
                if place in other if isinstance(other, dict) else place < len(other):
                    node[key] = json.loads(json.dumps(other[place]))
            case 3 if isinstance(node, dict):
                node[rng.choice(("x", "", "format", "seed"))] = rng.choice(NASTY)
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(RAW) + text[at:]
    return text


def damage_pages(data, rng, page, header=0):
    """Bits flipped, pages swapped, repeated, zeroed or lost, the end cut off: what disks and careful forgers do.

    Args:
        data: A file of pages.
        rng: Source of chance.
        page: Bytes of a page, with what stands before each.
        header: Bytes before the first page.
    """
    data = bytearray(data)
    count = max((len(data) - header) // page, 1)

    def place(number):
        return slice(header + number * page, header + (number + 1) * page)

    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        a, b = place(rng.randrange(count)), place(rng.randrange(count))
        match rng.randrange(7):
            case 0 | 1:
                for _ in range(rng.choice((1, 1, 2, 8, 64))):
                    if data:
                        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 2:
                data[a], data[b] = data[b], data[a]
            case 3:
                data[a] = data[b]
            case 4:
                data[a] = bytes(len(data[a]))
            case 5:
                del data[rng.choice((a.start, rng.randrange(len(data) + 1))) :]
            case 6:
                del data[a]
    return bytes(data)
