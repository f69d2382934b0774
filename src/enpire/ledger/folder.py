"""The campaign folder: where things are, who owns it, and its secret key."""

import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType

from enpire.core.errors import BadInput, CampaignLocked
from enpire.core.files import write_durably


class Folder:
    """Paths of one campaign. Nothing is created until `create`.

    ```
    ledger.sqlite   the event log                      hub.git/       every candidate, idea and receipt
    ledger.anchor   where the log ends                 candidates/    read-only checkouts, seen by policy workers
    episodes/       one folder per episode             report.html    the static report
    sessions/       one folder per researcher session  lock           held by the living supervisor
    secret.key      seeds and receipts (mode 0600)
    ```
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.ledger = self.root / "ledger.sqlite"
        self.hub = self.root / "hub.git"
        self.episodes = self.root / "episodes"
        self.candidates = self.root / "candidates"
        self.sessions = self.root / "sessions"
        self.report = self.root / "report.html"
        self._key = self.root / "secret.key"

    def create(self, seed: int | None) -> None:
        """Make the folder and its key.

        Args:
            seed: Derives the key, so that the same campaign seed meets the same start states; None draws it.

        Raises:
            BadInput: The folder already holds a campaign or cannot be written.
        """
        if self.ledger.exists():
            raise BadInput(f"{self.root} already holds a campaign; continue it with `enpire resume {self.root}`")
        try:
            for path in (self.root, self.episodes, self.candidates, self.sessions):
                path.mkdir(parents=True, exist_ok=True)
            key = (
                secrets.token_bytes(32) if seed is None else hashlib.sha256(f"enpire campaign {seed}".encode()).digest()
            )
            write_durably(self._key, key, mode=0o600)
        except OSError as error:
            raise BadInput(
                f"cannot create the campaign folder {self.root}: {error.strerror}; choose another with --out"
            ) from None

    def key(self) -> bytes:
        """Secret key of the campaign, 32 bytes.

        Raises:
            BadInput: There is no campaign here.
        """
        try:
            return self._key.read_bytes()
        except OSError:
            raise BadInput(f"{self.root} is not a campaign folder (no {self._key.name})") from None

    def readable_key(self) -> bytes | None:
        """The key, or None where it cannot be read: in a copy without it, or as another user."""
        try:
            return self._key.read_bytes() or None
        except OSError:
            return None

    def episode(self, ticket: int) -> Path:
        """Folder of one episode."""
        return self.episodes / f"{ticket:07d}"


class Lock:
    """Exclusive ownership of a campaign, released by the kernel when the process dies."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.root / "lock"
        self._descriptor = -1

    def __enter__(self) -> "Lock":
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise BadInput(f"cannot lock {self._path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise CampaignLocked(
                f"another supervisor (pid {owner}) is running this campaign; watch it with "
                f"`enpire status {self._path.parent}` or stop it first"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
