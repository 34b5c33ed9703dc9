"""The line to Dask's scheduler: tasks go out, and what became of them comes back."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from autograder.cluster import worker
from autograder.course import Cancel, Stage, unseen
from autograder.errors import Cancelled, ClusterError, ConfigError
from autograder.records import Digest

INSTALL: Final = "Install it here and on the workers: pip install 'autograder[cluster]'"
_CERTIFICATE: Final = "Set DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and the others as in docs/cluster.md."
CONNECT_SECONDS: Final = 20
_TICK: Final = 0.5
_LOOK: Final = 5.0
"""Seconds between two looks at whether those are there whom a task was meant for."""


class Gone(Exception):
    """The workers that a task was meant for are not there any more."""


class Line:
    """A connected client of Dask's, and who listens to which task."""

    def __init__(self, address: str) -> None:
        """Raises ConfigError where Dask is not installed, or nobody answers at that address."""
        self._client = _client(address)
        self._topic = f"autograder-{uuid.uuid4().hex}"
        self._listeners: dict[str, Stage] = {}
        self._at: dict[str, str] = {}
        self._lost = threading.Event()
        self._client.subscribe_topic(self._topic, self._hear)
        _spare(self._client)

    @property
    def lost(self) -> bool:
        """Whether the scheduler went away."""
        return self._lost.is_set()

    def present(self) -> Mapping[str, Any]:
        """Address of each worker -> what the scheduler knows of it."""
        found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def carry_out(
        self,
        content: bytes,
        *,
        only: Sequence[str] | None = None,
        resources: Mapping[str, float] | None = None,
        stage: Stage = unseen,
        cancelled: Cancel = lambda: False,
    ) -> bytes:
        """The reply to an order, from one of ``only``, else from anybody who has the resources.

        Dask itself gives it to another worker when one dies. Raises Gone, Cancelled (also where the scheduler was
        lost), and ClusterError for whatever else became of it.
        """
        key = _name("order")
        self._listeners[key] = stage
        try:
            reply: bytes = self._done(
                worker.carry_out, content, self._topic, key=key, only=only, resources=resources, cancelled=cancelled
            )
            return reply
        finally:
            del self._listeners[key]
            self._at.pop(key, None)

    def lacks(self, names: Sequence[Digest], address: str, cancelled: Cancel) -> list[Digest]:
        """Which of these a worker does not have."""
        return list(self._done(worker.lacks, list(names), only=[address], cancelled=cancelled))

    def give(self, content: bytes, address: str, cancelled: Cancel) -> None:
        """Let a worker keep the blobs of a bundle."""
        self._done(worker.receive, content, only=[address], cancelled=cancelled)

    def close(self) -> None:
        self._client.close()

    def _done(
        self,
        function: Callable[..., Any],
        *arguments: object,
        key: str = "",
        only: Sequence[str] | None = None,
        resources: Mapping[str, float] | None = None,
        cancelled: Cancel,
    ) -> Any:  # noqa: ANN401
        asked: dict[str, Any] = {"resources": dict(resources)} if resources else {}
        if only is not None:
            asked |= {"workers": list(only), "allow_other_workers": False}
        future = self._client.submit(function, *arguments, key=key or _name("question"), pure=False, **asked)
        try:
            self._wait(future, only, cancelled)
            return self._result(future)
        finally:
            future.cancel()

    def _wait(self, future: Any, only: Collection[str] | None, cancelled: Cancel) -> None:  # noqa: ANN401
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        waited = 0.0
        while not done.wait(_TICK):
            waited += _TICK
            if cancelled():
                raise Cancelled
            self._listen()
            if only is not None and waited >= _LOOK:
                waited = 0.0
                if not set(only) & self.present().keys():
                    raise Gone

    def _result(self, future: Any) -> Any:  # noqa: ANN401
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise ClusterError(
                f"its worker died while it was at it, {error.allowed_failures + 1} times",
                remedy="Look at their logs, and at the memory of their machines; then run the same command again.",
            ) from error
        except Exception as error:
            self._listen()
            if future.status in ("cancelled", "lost"):
                self._lost.set()
                raise Cancelled from error
            raise ClusterError(f"{type(error).__name__}: {error}"[:500], remedy=INSTALL) from error

    def _listen(self) -> None:
        """Raises Cancelled where nobody is at the other end."""
        if self.lost or self._client.status in ("closed", "closing"):
            self._lost.set()
            raise Cancelled

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, said = event
        listener = self._listeners.get(said["key"])
        if listener is None:
            return
        if self._at.setdefault(said["key"], said["worker"]) != said["worker"]:
            self._at[said["key"]] = said["worker"]
            listener("waiting", 0, 0, "")  # that worker is gone, and it begins anew
        listener(*said["told"])


def _name(kind: str) -> str:
    """Dask goes by what stands before the digits where it guesses how long a task will take."""
    return f"autograder-{kind}-{uuid.uuid4().hex}"


def _spare(client: Any) -> None:  # noqa: ANN401
    from autograder.cluster.sparing import Sparing

    try:
        client.register_plugin(Sparing())
    except Exception as error:
        # A scheduler without our sources schedules nevertheless; only its workers may be ended while they grade.
        logging.getLogger(__name__).info("workers are not spared: %s", error)


def _client(address: str) -> Any:  # noqa: ANN401
    try:
        import dask
        from distributed import Client, Security
    except ImportError as error:
        raise ConfigError("Dask is not installed", place="--scheduler", remedy=INSTALL) from error
    for name in ("distributed", "distributed.client"):  # what it has to say is said by us
        logging.getLogger(name).setLevel(logging.CRITICAL)
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
    remedy = "Start one: dask scheduler, and give the address that it prints: tcp://HOST:8786."
    try:
        if address.startswith("tls:") and Security().get_connection_args("client").get("ssl_context") is None:
            raise ConfigError("no certificate is set", place=f"--scheduler {address}", remedy=_CERTIFICATE)
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="autograder")
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # a scheduler that is not there is an OSError
        raise ConfigError(f"no scheduler answers: {error}", place=f"--scheduler {address}", remedy=remedy) from error
