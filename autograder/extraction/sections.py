"""The sections of a notebook: which stretch lies under which heading, and how much of it the author wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.notebook.headings import Heading, headings, kinds
from autograder.notebook.prose import Paragraph, guess_language, paragraphs
from autograder.notebook.shown import lines
from autograder.records import Cell, CellKind, Section

__all__ = ["find_sections", "guess_language"]

Place = tuple[int, int]
"""Cell and line."""

_END: Place = (1_000_000, 0)
_TITLE_WORDS = 20
_MOST = 400


@dataclass(slots=True)
class _Stretch:
    heading: Heading
    kinds: tuple[str, ...]
    owner: int
    """Position of the nearest heading above it, itself included, that opens an expected section; else its own."""
    end: Place = _END
    paragraphs: list[Paragraph] = field(default_factory=list)

    @property
    def start(self) -> Place:
        return self.heading.cell, self.heading.line

    @property
    def words(self) -> int:
        return sum(paragraph.words for paragraph in self.paragraphs)


def find_sections(cells: Sequence[Cell], template_cells: Sequence[str]) -> tuple[Section, ...]:
    """Sections in the order of their headings.

    A heading without a kind of its own belongs to the recognised one above it ("## Dropout" below "# Améliorations"),
    whose words and cells include its own; it is listed too, with an empty kind. A title over everything with a text of
    its own is the introduction when no heading says so.
    """
    stretches = _stretches(_chosen(headings(cells)[:_MOST]))
    for paragraph in paragraphs(cells, template_cells):
        place = (paragraph.cell, paragraph.line)
        for stretch in stretches:
            if stretch.start <= place < stretch.end:
                stretch.paragraphs.append(paragraph)
    _name_the_title(stretches)
    by_index = {cell.index: cell for cell in cells}
    found: list[Section] = []
    for position, stretch in enumerate(stretches):
        below = [other for other in stretches if other.owner == position] if stretch.kinds else [stretch]
        covered = sorted({index for part in below for index in _cells_of(part, by_index)})
        for kind in stretch.kinds or ("",):
            found.append(
                Section(
                    kind=kind,
                    title=stretch.heading.title[:200],
                    level=stretch.heading.level,
                    cells=tuple(covered),
                    words=sum(part.words for part in below),
                )
            )
    return tuple(found)


def _chosen(found: Sequence[Heading]) -> list[Heading]:
    """Banners in code count only for sections that no heading of the text opens."""
    opened = {kind for heading in found if not heading.banner for kind in kinds(heading.title)}
    return [heading for heading in found if not heading.banner or not opened.intersection(kinds(heading.title))]


def _stretches(chosen: Sequence[Heading]) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    above: list[int] = []
    for position, heading in enumerate(chosen):
        while above and stretches[above[-1]].heading.level >= heading.level:
            above.pop()
        recognised = next((place for place in reversed(above) if stretches[place].kinds), None)
        opens = () if _is_title(chosen, position) else kinds(heading.title, sure=recognised is not None)
        if recognised is not None and opens == stretches[recognised].kinds:
            opens = ()
        owner = position if opens or recognised is None else recognised
        stretches.append(_Stretch(heading, opens, owner))
        above.append(position)
        if position:
            stretches[position - 1].end = stretches[position].start
    return stretches


def _is_title(chosen: Sequence[Heading], position: int) -> bool:
    """Whether the first heading stands over all others: the name of the document, whatever words it holds."""
    first = chosen[0]
    own = kinds(first.title, sure=True)
    if position or "introduction" in own or any(other.level <= first.level for other in chosen[1:]):
        return False
    return any(set(kinds(other.title, sure=True)) - set(own) for other in chosen[1:])


def _name_the_title(stretches: list[_Stretch]) -> None:
    named = any("introduction" in stretch.kinds for stretch in stretches)
    if stretches and not named and not stretches[0].kinds and stretches[0].words >= _TITLE_WORDS:
        stretches[0].kinds = ("introduction",)


def _cells_of(stretch: _Stretch, cells: dict[int, Cell]) -> Iterable[int]:
    last, line = stretch.end
    for index in cells:
        if stretch.heading.cell <= index < last or (index == last and _text_before(cells[index], line)):
            yield index


def _text_before(cell: Cell, line: int) -> bool:
    source = lines(cell.source) if cell.kind is CellKind.MARKDOWN else cell.source.split("\n")
    return any(text.strip() for text in source[:line])
