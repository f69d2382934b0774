"""Keeps a provider's key out of everything that an agent can read."""

REDACTED = b"[redacted]"
SHORTEST = 6
"""A key shorter than this is none: taking it out would garble texts."""


class Redactor:
    """Takes a secret out of a stream. Holds bytes back only where they may be the beginning of the secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode(errors="surrogateescape") if len(secret) >= SHORTEST else b""
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may go out now."""
        if not self._secret:
            return data
        clean = (self._held + data).replace(self._secret, REDACTED)
        keep = self._overlap(clean)
        self._held = clean[len(clean) - keep :]
        return clean[: len(clean) - keep]

    def finish(self) -> bytes:
        """What was held back; the stream is over."""
        rest, self._held = self._held, b""
        return rest

    def whole(self, text: bytes) -> bytes:
        """A text without the secret."""
        return text.replace(self._secret, REDACTED) if self._secret else text

    def _overlap(self, data: bytes) -> int:
        """Length of the longest ending of `data` that the secret begins with."""
        for length in range(min(len(self._secret) - 1, len(data)), 0, -1):
            if data.endswith(self._secret[:length]):
                return length
        return 0
