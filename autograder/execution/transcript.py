"""Listens to room 1: keeps what each frame says as far as it is well-formed, and knows how far the run came."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError

from autograder.adapters import adapter
from autograder.execution.asking import Asking, Malformed
from autograder.execution.fits import Fits
from autograder.execution.job import Event, OnEvent, Prepare
from autograder.execution.notebook import Document, Outputs
from autograder.execution.reasons import End
from autograder.execution.rewriting import rewritten
from autograder.frames import Frame
from autograder.records import CellRun, CellState, Digest, Ending, Execution, Json, Ledger, Message, say
from autograder.store import Store

ARTIFACTS = 1000
LEDGER_BYTES = 16 << 20
OUTPUT_BYTES = 128 << 20

_ARTIFACT = re.compile(r"(start|fit|use|bound|swap)-m?[0-9]{1,5}\.keras|sample-[0-9]{1,5}\.npy")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OVERRULED = 1000
_RUNNING = "started"
_DEEPEST = 60
"""Levels of what a cell displays as JSON; plots have about ten."""
_AFTERWARDS = frozenset({"images?", "altered?", "fallback", "end"})
"""Kinds that are still heard once the room was shown hidden images."""
_ANSWERED = frozenset({"images?", "altered?", "fit?", "contents", "trained"})
"""Kinds of which the sender waits for an answer, whatever it is."""


class Transcript:
    """What room 1 has said so far. Everything in it is a claim."""

    def __init__(
        self,
        document: Document,
        store: Store,
        on_event: OnEvent,
        prepare: Prepare | None,
        fits: Fits | None = None,
    ) -> None:
        self.outputs: dict[int, Outputs] = {}
        self.artifacts: dict[str, Digest] = {}
        self.asking = Asking(store)
        self.fits = fits or Fits()
        self.environment: dict[str, str] = {}
        self.ledger: Ledger | None = None
        self.rewritten: set[int] = set()
        """Numbers of trainings that had ended, and of which something else was said later."""
        self.overruled: dict[str, int | None] = {}
        self.changed: tuple[str, ...] = ()
        self.parameters = ""
        self.ending: Ending | None = None
        """None until the runner has said how it ended."""
        self.blamed: int | None = None
        self.limit = ""
        self.notes: dict[str, Message] = {}
        self.ready = False
        self._document = document
        self._code = set(document.code)
        self._runs: dict[int, CellRun] = {}
        self._running: int | None = None
        self._store = store
        self._on_event = on_event
        self._prepare = prepare
        self._output_bytes = 0
        self._ready_at = 0.0
        self._answering = 0.0
        """Seconds in which the room waited for this side."""
        self._shown = False
        """Whether the room has hidden images."""
        self._kinds: Mapping[str, Callable[[Frame], bytes | None]] = {
            "ready": self._ready,
            "cell": self._cell,
            "progress": self._progress,
            "ledger": self._ledger,
            "artifact": self._artifact,
            "parameters": self._parameters,
            "images?": self._images,
            "altered?": self._altered,
            "fallback": self._fallback,
            "end": self._end,
            "fit?": lambda frame: self._of_training(self.fits.ask, frame.body),
            "contents": lambda frame: self._of_training(self.fits.contents, frame.body),
            "trained": lambda frame: self._of_training(self.fits.trained, frame.body),
            "unknown": self._unknown,
        }

    def hear(self, frame: Frame) -> bytes | None:
        """Take in one frame; what is malformed is left out and noted. Answers the room's questions."""
        named = frame.head.get("kind")
        kind = named if isinstance(named, str) and named in self._kinds else "unknown"
        if self._shown and kind not in _AFTERWARDS:
            # Texts and files could carry the images out: some of them are shown to their author.
            return b"" if kind in _ANSWERED else None
        began = time.monotonic()
        try:
            return self._kinds[kind](frame)
        except (Malformed, ValidationError, RecursionError):
            self.notes[f"malformed {kind}"] = say("A message of the kind “{kind}” could not be read.", kind=kind)
            return b"" if kind in _ANSWERED else None
        finally:
            self._answering += time.monotonic() - began if kind in _ANSWERED else 0.0

    # --- how far it came

    @property
    def running(self) -> int | None:
        """The cell that had started and of which nothing more was heard."""
        return self._running

    def overdue(self, seconds: float) -> bool:
        """Whether it has not ended so long after the room was ready: the runner, who should have ended it, cannot.

        What this side needed to answer its questions does not count.
        """
        return self.ready and self.ending is None and time.monotonic() - self._ready_at - self._answering > seconds

    def played(self) -> End | None:
        """How a run ended of whose cells all was told, though not of what is read afterwards; as the runner says it."""
        if self._running is not None or self._runs.keys() != self._code:
            return None
        runs = self.cells()
        for ending, state in ((Ending.TIMED_OUT, CellState.INTERRUPTED), (Ending.RAISED, CellState.RAISED)):
            blamed = next((run.index for run in runs if run.state is state), None)
            if blamed is not None:
                return End(ending, blamed, "cell" if ending is Ending.TIMED_OUT else "")
        left = any(run.state is CellState.NOT_RUN for run in runs)
        return End(Ending.TIMED_OUT, None, "run") if left else End(Ending.COMPLETED, None)

    def cells(self) -> tuple[CellRun, ...]:
        """One per code cell; what never started is ``not_run``."""
        return tuple(
            self._runs.get(index, CellRun(index=index, state=CellState.NOT_RUN)) for index in self._document.code
        )

    # --- kinds of frames

    def _ready(self, frame: Frame) -> None:
        self.ready, self._ready_at = True, self._ready_at or time.monotonic()
        environment = frame.head.get("environment")
        if not isinstance(environment, Mapping) or len(environment) > 50:
            raise Malformed("environment")
        self.environment = {_text(name, 50): _text(value, 100) for name, value in environment.items()}
        self._tell("starting")

    def _cell(self, frame: Frame) -> None:
        head = frame.head
        index = head.get("index")
        if type(index) is not int or index not in self._code:
            raise Malformed("index")
        if head.get("state") == _RUNNING:
            self._running = index
            self._runs[index] = CellRun(index=index, state=CellState.UNFINISHED)
            self._tell("cell")
            return
        run = CellRun(
            index=index,
            state=_state(head.get("state")),
            seconds=_number(head.get("seconds")),
            execution_count=_counted(head.get("execution_count")),
            error=_text(head["error"], 500) if head.get("error") is not None else None,
        )
        self._runs[index] = run
        self._running = None
        if frame.body:
            self.outputs[index] = Outputs(self._cell_outputs(frame.body), run.execution_count)

    def _cell_outputs(self, body: bytes) -> list[Json]:
        self._output_bytes += len(body)
        outputs = _json(body) if self._output_bytes <= OUTPUT_BYTES else []
        if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
            raise Malformed("outputs")
        if not _shallow(outputs):
            raise Malformed("outputs")
        return outputs

    def _progress(self, frame: Frame) -> None:
        self._tell("training", _text(frame.head.get("text"), 100))

    def _ledger(self, frame: Frame) -> None:
        if len(frame.body) > LEDGER_BYTES:
            raise Malformed("ledger")
        ledger = adapter(Ledger).validate_json(frame.body)
        if not ledger.plausible:
            raise Malformed("ledger")
        self.rewritten |= rewritten(self.ledger, ledger)
        for name, count in ledger.overruled.items():
            if len(self.overruled) < _OVERRULED:
                self.overruled.setdefault(name[:60], count)
        self.ledger = ledger
        self.fits.heard(ledger)

    def _artifact(self, frame: Frame) -> None:
        name = _text(frame.head.get("name"), 50)
        if not _ARTIFACT.fullmatch(name) or len(self.artifacts) >= ARTIFACTS:
            raise Malformed("name")
        self.artifacts[name] = self._store.put(frame.body)

    def _parameters(self, frame: Frame) -> None:
        changed = frame.head.get("changed")
        if not isinstance(changed, list) or len(changed) > 100:
            raise Malformed("changed")
        self.changed = tuple(_text(name, 100) for name in changed)
        if frame.body:
            self.parameters = _CONTROL.sub("", frame.body[:100_000].decode("utf-8", "replace"))

    def _images(self, frame: Frame) -> bytes:
        """Only here do hidden images enter room 1, and only for models that cannot leave it; labels never do."""
        asked = frame.head.get("models")
        if not isinstance(asked, list) or not all(isinstance(model, str) for model in asked):
            raise Malformed("models")
        if self._prepare is None or self.ledger is None:
            return b""
        self._tell("reading")
        so_far = Execution(ending=Ending.COMPLETED, cells=self.cells(), artifacts=self.artifacts)
        answer = self.asking.images(self._prepare(self.ledger, so_far), asked)
        self._shown = self._shown or bool(answer)
        return answer

    def _altered(self, frame: Frame) -> bytes:
        seconds, left = (_number(frame.head.get(name)) for name in ("seconds", "left"))
        part = _count(frame.head.get("part"))
        if part is None or seconds is None or left is None:
            raise Malformed("part")
        return self.asking.part(part, seconds, left)

    def _fallback(self, frame: Frame) -> None:
        model, part = _text(frame.head.get("model"), 20), _count(frame.head.get("part"))
        if part is None:
            self.asking.take(model, frame.body)
        else:
            self.asking.take_part(model, part, frame.body)

    def _end(self, frame: Frame) -> None:
        cell = frame.head.get("cell")
        if cell is not None and (type(cell) is not int or cell not in self._code):
            raise Malformed("cell")
        try:
            self.ending = Ending(_text(frame.head.get("ending"), 20))
        except ValueError:
            raise Malformed("ending") from None
        self.blamed, self.limit = cell, _text(frame.head.get("limit", ""), 10)

    def _of_training(self, answer: Callable[[bytes], bytes], body: bytes) -> bytes:
        """Whatever the body does to who reads it, the room can carry out the training itself: nobody loses by that."""
        try:
            return answer(body)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            logging.getLogger(__name__).debug("a question about a training", exc_info=True)
            raise Malformed("training") from error

    def _unknown(self, frame: Frame) -> None:
        raise Malformed("kind")

    def _tell(self, stage: str, text: str = "") -> None:
        cell = 0 if self._running is None else self._running + 1
        self._on_event(Event(stage=stage, cell=cell, cells=len(self._document.cells), text=text))


def _text(value: Json, length: int) -> str:
    if not isinstance(value, str):
        raise Malformed("not a text")
    return _CONTROL.sub("", value)[:length]


def _number(value: Json) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise Malformed("not a duration")
    return float(value)


def _counted(value: Json) -> int | None:
    """The number that the kernel gave the cell; its code can set it, and one of no use costs no more than itself."""
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def _count(value: Json) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 31):
        raise Malformed("not a count")
    return value


def _state(value: Json) -> CellState:
    try:
        return CellState(value)
    except ValueError:
        raise Malformed("state") from None


def _json(body: bytes) -> Json:
    try:
        return json.loads(body, parse_constant=lambda _: None)
    except ValueError:
        raise Malformed("not JSON") from None


def _shallow(value: Json) -> bool:
    """Whether it can be written again: Python's writer of indented JSON calls itself several times for each level."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _parts(outer)]
        if not level:
            return True
    return False


def _parts(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value
