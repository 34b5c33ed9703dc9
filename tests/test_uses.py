"""How deep callbacks are that were given to ``evaluate`` or ``predict``, and which steps are counted."""

from __future__ import annotations

from autograder.guest.recording.depth import Depth
from autograder.guest.recording.uses import TURNS, Uses


class Callbacks:
    def __init__(self, inside: Depth, uses: Uses) -> None:
        self.inside, self.uses, self.met = inside, uses, list[int]()

    def met_again(self) -> None:
        self.met.append(int(self.inside))
        self.uses.stepped()


for name in TURNS:
    setattr(Callbacks, name, lambda self: self.met_again())


def test_a_callback_of_a_use_is_as_deep_as_who_called_it() -> None:
    inside = Depth()
    uses = Uses(inside)
    uses.install(kind := type("Hooked", (Callbacks,), dict(vars(Callbacks))))
    callbacks = kind(inside, uses)
    callbacks.on_test_begin()
    with uses.around():
        callbacks.on_predict_batch_end()
        assert int(inside) == 1
    with inside.deeper(), uses.around():
        callbacks.on_test_batch_end()
        uses.stepped()
    assert callbacks.met == [0, 0, 1] and int(inside) == 0
    assert uses.learnt == 1, "the one outside of callbacks"
