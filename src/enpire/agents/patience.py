"""How long a session may go on: its deadline, and how long it may be silent."""


class Patience:
    """Bookkeeping of one session's time. Nothing here looks at a clock; callers give the time.

    Args:
        now_s: Start of the session, on any monotonic clock.
        deadline_s: Seconds the session may take.
        idle_s: Seconds it may be silent; None is no limit.
        free_wait_s: Seconds of waiting for a robot that do not count towards the deadline.
    """

    def __init__(self, now_s: float, *, deadline_s: float, idle_s: float | None, free_wait_s: float) -> None:
        self._deadline_s, self._idle_s, self._free_wait_s = deadline_s, idle_s, free_wait_s
        self._began_s = self._active_s = now_s
        self._waiting_since_s: float | None = None
        self._waited_s = 0.0

    def active(self, now_s: float) -> None:
        """The session gave a sign of life."""
        self._active_s = now_s

    @property
    def waiting(self) -> bool:
        """Whether the session waits for a robot."""
        return self._waiting_since_s is not None

    def wait(self, now_s: float) -> None:
        """The session begins to wait for a robot: from now on silence is no sign of trouble."""
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s

    def go_on(self, now_s: float) -> None:
        """The robot is done."""
        if self._waiting_since_s is not None:
            self._waited_s += now_s - self._waiting_since_s
            self._waiting_since_s = None
            self._active_s = now_s

    def over(self, now_s: float) -> str:
        """Which limit is passed, as words for people; empty while none is."""
        waited_s = self._waited_s + (now_s - self._waiting_since_s if self._waiting_since_s is not None else 0.0)
        if now_s - self._began_s - min(waited_s, self._free_wait_s) > self._deadline_s:
            return f"past its deadline of {self._deadline_s:g} s"
        if self._idle_s is not None and not self.waiting and now_s - self._active_s > self._idle_s:
            return f"idle for {self._idle_s:g} s: no output and no model call"
        return ""
