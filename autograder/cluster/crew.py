"""The workers of a scheduler: who is there, who is fit, and what a notebook takes of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from autograder.adapters import adapter
from autograder.cluster.bundle import pack, unpack
from autograder.cluster.line import INSTALL, Gone, Line
from autograder.cluster.orders import Reply, Terms, Trouble
from autograder.course import Cancel
from autograder.errors import ClusterError

Tell = Callable[[str], None]
"""Told in one line what a person should know."""

GPU: Final = "GPU"
MEMORY: Final = "MEMORY"
"""Resources that workers may declare: how many GPUs, how many bytes."""
_LEAST: Final = 8
_NOBODY: Final = "workers: none yet; waiting until one comes (dask worker ADDRESS --nthreads 2; see docs/cluster.md)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a class is shared out."""

    slots: tuple[str, ...]
    """A device for each order that may be under way."""
    threads: int
    """Notebooks that run at a time."""
    resources: Mapping[str, float]
    """What a notebook takes of those that its worker has declared."""


class Crew:
    """Knows which workers do not keep the terms; these are given nothing."""

    def __init__(self, line: Line, terms: Terms, tell: Tell) -> None:
        self._line, self._terms, self._tell = line, terms, tell
        self._unfit: dict[str, Trouble] = {}
        self._desk = threading.Lock()

    def plan(self, device: str, workers: int | None, memory_mb: int, cancelled: Cancel) -> Plan:
        """Try every worker that is there; raises ClusterError where there are some, and none is fit.

        Twice as many orders as threads: no worker waits, and a cluster that grows by itself sees that there is work.
        """
        present = self._line.present()
        for address, trouble in self.examined(sorted(present), cancelled).items():
            if trouble is not None:
                self.refuse(address, trouble)
        fit = [present[address] for address in present if address not in self._unfit]
        if present and not fit:
            raise self._nobody()
        plan = planned(fit, device, workers, memory_mb)
        takes = ", ".join(f"{name} {amount:g}" for name, amount in plan.resources.items())
        told = f"workers: {len(fit)} with {plan.threads} threads" + (f"; a notebook takes {takes}" if takes else "")
        self._tell(told if fit else _NOBODY)
        return plan

    def fit(self) -> list[str] | None:
        """Whom an order may go to; None: to anybody, also to those who come later."""
        if not self._unfit:
            return None
        found = [address for address in self._line.present() if address not in self._unfit]
        if not found:
            raise self._nobody()
        return found

    def refuse(self, address: str, trouble: Trouble) -> None:
        with self._desk:
            known = address in self._unfit
            self._unfit[address] = trouble
        if not known:
            self._tell(f"worker {address} is not used: {trouble.problem}. {trouble.remedy}")

    def examined(self, addresses: Sequence[str], cancelled: Cancel) -> dict[str, Trouble | None]:
        """What keeps each of them from being given anything; the wall of each is tried, which takes some seconds."""
        content = pack(b'{"terms":' + adapter(Terms).dump_json(self._terms) + b"}", {})

        def one(address: str) -> Trouble | None:
            try:
                return (
                    adapter(Reply)
                    .validate_json(unpack(self._line.carry_out(content, only=[address], cancelled=cancelled)).head)
                    .trouble
                )
            except Gone:
                return Trouble(kind="ClusterError", problem="it went away", remedy="Look at its log.")
            except ClusterError as error:  # it has no such program, or it dies of it
                return Trouble(kind="ClusterError", problem=error.problem, remedy=error.remedy or INSTALL)

        with ThreadPoolExecutor(max_workers=max(1, min(32, len(addresses)))) as pool:
            return dict(zip(addresses, pool.map(one, addresses), strict=True))

    def _nobody(self) -> ClusterError:
        first = next(iter(self._unfit.values()))
        return ClusterError(f"no worker is fit: {first.problem}", remedy=first.remedy)


def planned(fit: Sequence[Mapping[str, Any]], device: str, workers: int | None, memory_mb: int) -> Plan:
    """From what the scheduler knows of the fit workers; ``device`` and ``workers`` as typed.

    A GPU is used where it is asked for, and by itself where every worker declares one; memory is asked for where every
    worker declares how much it has.
    """
    threads = sum(int(found["nthreads"]) for found in fit)
    common = set.intersection(*(set(found["resources"]) for found in fit)) if fit else set()
    gpu = device == "gpu" or (device == "auto" and GPU in common)
    resources: dict[str, float] = {GPU: 1} if gpu else {}
    if MEMORY in common:
        resources[MEMORY] = memory_mb * 2**20
    number = workers or max(_LEAST, 2 * threads)
    return Plan(slots=("gpu:0" if gpu else "cpu",) * number, threads=threads or number, resources=resources)
