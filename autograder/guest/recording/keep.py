"""What of models and data leaves the kernel, and which models stay in it to be asked at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..handover import Handover
from ..things import Thing
from . import models

SAMPLES, SAMPLES_OF_USES = 300, 150
"""In all, and up to which uses may add some: what trains is seen after many predictions as well."""
MODELS = 600
ARTIFACT_BYTES = 600 << 20
"""Of all models and samples; what comes after stays in the kernel."""
THRIFTY_BYTES = 300 << 20
"""From here on, a training whose validation accuracy falls behind the best leaves no model, unless it is used later."""
BEHIND = 0.01
MODEL_BYTES = 180 << 20
MEANWHILE_BYTES = 160 << 20
"""Of models saved before their training has ended: each copy goes to the host."""
UNSAVEABLE = 8
"""Models kept alive for a prediction at the end, because they cannot leave the kernel: bound and accurate ones."""


class Keep:
    """Within what may leave a room, the models that matter most."""

    def __init__(self, handover: Handover, model_id: Callable[[Any], str], *, nothing: bool = False) -> None:
        self.unsaved: dict[str, Any] = {}
        """Model id -> model, for those that cannot be saved."""
        self.bound: set[str] = set()
        """Ids of the models that variables hold at the end."""
        self.figures: dict[str, float] = {}
        """Model id -> validation accuracy in its last training."""
        self._nothing = nothing
        """Of a rehearsal only the plans are wanted."""
        self._handover = handover
        self._model_id = model_id
        self._saved: dict[str, str] = {}
        self._samples: dict[bytes, str] = {}
        self._bytes = 0
        self.unsampled = 0
        """Samples that were one too many."""
        self._meanwhile_left = MEANWHILE_BYTES

    def model(self, model: Thing, name: str, *, spare: bool = False) -> tuple[str, str, str]:
        """Artifact name, digest of the weights, and why there is no artifact; equal weights are saved once.

        ``spare``: leave the model out where it has fallen behind and there is no longer room for everything.
        """
        digest = "" if self._nothing else models.weights(model)
        if not digest:
            return "", "", "the model has no weights yet"
        if digest in self._saved:
            return self._saved[digest], digest, ""
        if own := models.foreign(model):
            self.hold(model)
            return "", digest, f"uses classes of its own: {', '.join(own)}"[:300]
        if spare and self._bytes > THRIFTY_BYTES and self._has_fallen_behind(model):
            return "", digest, "others are more accurate, and room is left for few"
        try:
            return self._save(model, name, digest), digest, ""
        except Exception as error:
            self._handover.making(name).unlink(missing_ok=True)
            self._handover.failed(error)
            self.hold(model)
            return "", digest, f"{type(error).__name__}: {error}"[:300]

    def meanwhile(self, model: Thing, name: str) -> bool:
        """Save a model whose training goes on, under the name that the finished one will take; whether that was done.

        The digest is not remembered, since the file is replaced.
        """
        if models.foreign(model):
            return False
        path = self._handover.making(name)
        models.save(model, path)
        size = path.stat().st_size
        if size > min(MODEL_BYTES, self._meanwhile_left) or models.strangers(path):
            path.unlink()
            return False
        self._meanwhile_left -= size
        self._handover.made(name)
        return True

    def _save(self, model: Thing, name: str, digest: str) -> str:
        path = self._handover.making(name)
        models.save(model, path)
        size = path.stat().st_size
        if len(self._saved) >= MODELS or size > MODEL_BYTES or self._bytes + size > ARTIFACT_BYTES:
            raise OSError(f"a model of {size >> 20} MB, after {self._bytes >> 20} MB, is more than may leave the room")
        if strangers := models.strangers(path):
            raise TypeError(f"uses functions of its own: {', '.join(strangers)}")
        self._bytes += size
        self._handover.made(name)
        self._saved[digest] = name
        return name

    def _has_fallen_behind(self, model: Thing) -> bool:
        figure = self.figures.get(self._model_id(model))
        return figure is not None and figure < max(self.figures.values()) - BEHIND

    def hold(self, model: Thing) -> None:
        """Of too many, the one to go is bound to no variable, or least accurate, or oldest."""
        newest = self._model_id(model)
        self.unsaved.pop(newest, None)
        self.unsaved[newest] = model
        if len(self.unsaved) > UNSAVEABLE:
            older = [number for number in self.unsaved if number != newest]
            del self.unsaved[min(older, key=lambda number: (number in self.bound, self.figures.get(number, 1.0)))]

    def sample_of_use(self, content: bytes) -> str:
        few = len(self._samples) < SAMPLES_OF_USES and self._bytes + len(content) <= ARTIFACT_BYTES // 2
        return self.sample(content) if few else self._samples.get(content, "")

    def sample(self, content: bytes) -> str:
        name = "" if self._nothing else self._samples.get(content)
        if name is not None:
            return name
        if len(self._samples) >= SAMPLES or self._bytes + len(content) > ARTIFACT_BYTES:
            self.unsampled += 1
            return ""
        name = f"sample-{len(self._samples) + 1}.npy"
        try:
            self._handover.put(name, content)
        except OSError:  # a full disk is noted there: a training is recorded without its sample as well
            self.unsampled += 1
            return ""
        self._samples[content] = name
        self._bytes += len(content)
        return name
