"""ipywidgets where they are not installed: nobody is there to move a slider, so each stays where it begins."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..imports import Action
from ..things import Thing

NOTHING = "nothing was done"
UNMOVED = "it was called once with the first values"

_CONTROLS = (
    "IntSlider FloatSlider FloatLogSlider IntRangeSlider FloatRangeSlider SelectionSlider BoundedIntText IntText "
    "FloatText BoundedFloatText Text Textarea Checkbox ToggleButton ToggleButtons Dropdown RadioButtons Select "
    "SelectMultiple Button Output HBox VBox Box GridBox Tab Accordion Layout Label HTML HTMLMath Image Play "
    "IntProgress FloatProgress Valid FileUpload ColorPicker DatePicker Password Widget DOMWidget AppLayout "
    "GridspecLayout"
)


class Control:
    """A widget that nobody sees: it holds what it was given."""

    def __init__(self, *arguments: Thing, **settings: Thing) -> None:
        options = settings.get("options")
        self.value = first(options) if options is not None else settings.get("min", 0)
        self.children = arguments[0] if arguments else ()
        self.__dict__.update(settings)

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def observe(self, *_: Thing, **__: Thing) -> None:
        return None

    on_click = on_submit = set_title = close = clear_output = append_stdout = observe


def first(choice: Thing) -> Thing:
    """Where a widget made of an abbreviation begins: the middle of a range, the first of several, a value itself."""
    if isinstance(choice, Control):
        return choice.value
    if isinstance(choice, tuple) and 2 <= len(choice) <= 3 and all(isinstance(part, int | float) for part in choice):
        low, high = choice[0], choice[1]
        return low + (high - low) // 2 if all(isinstance(part, int) for part in choice) else (low + high) / 2
    if isinstance(choice, dict):
        return next(iter(choice.values()), None)
    if isinstance(choice, list | tuple | range):
        head = next(iter(choice), None)
        return head[1] if isinstance(head, tuple) and len(head) == 2 else head
    return choice


def stand_ins(session: Thing) -> dict[str, Action]:
    """Builders of ``ipywidgets`` and its part ``widgets``."""

    def interact(function: Callable[..., Any] | None = None, **choices: Thing) -> Thing:
        if function is None:
            return functools.partial(interact, **choices)
        session.adapt("absent", f"interact({getattr(function, '__name__', '...')}, ...)", UNMOVED)
        function(**{name: first(choice) for name, choice in choices.items()})
        return function

    def untouched(*arguments: Thing, **_: Thing) -> Thing:
        session.adapt("absent", "interact_manual(...)", NOTHING)
        return arguments[0] if arguments else (lambda function: function)

    def fill(module: ModuleType) -> None:
        contents: dict[str, Any] = dict.fromkeys(_CONTROLS.split(), Control)
        contents |= {"interact": interact, "interactive": interact, "interact_manual": untouched}
        contents |= {
            "fixed": lambda value: value,
            "interactive_output": lambda function, parts: interact(function, **parts),
        }
        contents |= dict.fromkeys(("link", "jslink", "dlink", "jsdlink"), lambda *_, **__: None)
        for name, value in contents.items():
            setattr(module, name, value)
        if module.__name__ == "ipywidgets":
            module.widgets = module  # type: ignore[attr-defined]

    return {"ipywidgets": fill, "ipywidgets.widgets": fill}
