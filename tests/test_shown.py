"""What a reader of a text cell sees of it, in both directions: hidden text is out, honest markup keeps its words."""

from __future__ import annotations

import random
import time

import pytest

from autograder.checks.document import clarity, sections
from autograder.checks.unseen import unseen
from autograder.extraction.sections import find_sections
from autograder.messages import render
from autograder.notebook.headings import headings
from autograder.notebook.prose import paragraphs
from autograder.notebook.shown import lines, shown
from autograder.notebook.text import plain, words
from tests.cells import evidence, markdown, notebook

SECRET = "Le secret que personne ne voit jamais"


def seen(source: str) -> str:
    """The words of a cell, tags aside, as the checks count them."""
    return " ".join(" ".join(map(plain, lines(source))).split())


@pytest.mark.parametrize(
    "source",
    [
        "<script>\n{}\n</script>",
        "<style>\n{}\n\n{}</style>",
        "<template>{}</template>",
        "<noscript>{}</noscript>",
        "<head>{}</head>",
        "<title>{}</title>",
        "<select><option>{}</option></select>",
        "<textarea hidden>{}</textarea>",
        "<p hidden>{}</p>",
        '<div style="display:none">\n\n{}\n\n{}\n\n</div>',
        "<div style='DISPLAY : None !important'>{}</div>",
        '<div style="display:/* */none">{}</div>',
        '<div style="display&#58;n\\6fne">{}</div>',
        "<div style=display:none>{}</div>",
        '<div style="visibility:hidden">{}</div>',
        '<div style="opacity:0">{}</div>',
        '<div style="opacity: .3"><div style="opacity:5%">{}</div></div>',
        '<span style="font-size:0">{}</span>',
        '<span style="font-size:0.0em">{}</span>',
        '<span style="font-size:1px">{}</span>',
        '<span style="font-size:1%">{}</span>',
        '<span style="font:0/0 a">{}</span>',
        '<span style="color:white">{}</span>',
        '<span style="color:#FFF">{}</span>',
        '<span style="color:rgb(255, 255, 255)">{}</span>',
        '<span style="color:rgba(0 0 0 / 0%)">{}</span>',
        '<span style="color:hsl(0, 0%, 100%)">{}</span>',
        '<span style="color:transparent">{}</span>',
        '<span style="color:rgb(999 999 999)">{}</span>',
        '<span style="color:rgb(100%,100%,100%)">{}</span>',
        '<span style="color:oklch(100% 0 0)">{}</span>',
        '<span style="color:color(srgb 1 1 1)">{}</span>',
        '<span style="color:hwb(0 100% 0%)">{}</span>',
        '<span style="color:#ffff">{}</span>',
        '<span style="color:#00000005">{}</span>',
        '<span style="color:#fefefe">{}</span>',
        '<span style="background:#123456;color:#123458">{}</span>',
        '<div style="background-color:navy"><font color="#000080">{}</font></div>',
        '<div style="background:linear-gradient(to right, white, #fafafa); color:snow">{}</div>',
        '<font color="white">{}</font>',
        "<font color=ffffff size=0>{}</font>",
        '<div style="position:absolute;left:-9999px">{}</div>',
        '<div style="text-indent:-100em">{}</div>',
        '<div style="height:0;overflow:hidden">{}</div>',
        '<div style="transform:scale(0)">{}</div>',
        '<div style="clip-path:inset(100%)">{}</div>',
        '<div\n style="display:none"\n>{}</div>',
        '<div style="display:none"\n\n{}\n',
        '<div title="a > b" style="display:none">{}</div>',
        '<b style="color:white">a <b>b</b> {}</b>',
        '<div style="display:none"><div>x</div>{}</div>',
        '<div style="display:none"></span></b>{}</div>',
        '<div style="display:none">\n\n```\n</div>\n```\n\n{}',
        '<p>\n```\n<div style="display:none">\n```\n\n{}',
        '<p>\n`<div style="display:none">`\n\n{}',
        "[//]: # ({})",
        "[x]: http://a.b '{}'",
        '[x]: http://a.b\n  "{}"',
        "> [x]: <http://a.b> '{}'",
        "[{}]: #",
        "[a](http://a.b '{}')",
        '[a](http://a.b "({}) {}")',
        "![{} [b] {}](a.png)",
        '<a title="{}"></a>',
        "<!-- {} -->",
        "<!-- \n\n {}",
        "<!DOCTYPE {}>",
        "<?x {} ?>",
        "$\\phantom{{\\text{{{}}}}}$",
        "$\\hphantom {{ {} }}$ $\\vphantom{{{}}}$",
        "$\\color{{white}}{{\\text{{{}}}}}$",
        "${{\\color{{white}} \\text{{{}}} }}$",
        "$\\textcolor{{#fff}}{{\\text{{{}}}}}$",
        "$$x % {}\n$$",
        "$\\def\\x{{{}}}$",
        "$\\style{{display:none}}{{{}}}$",
    ],
)
def test_what_is_hidden_is_left_out(source: str) -> None:
    told = seen("Avant.\n\n" + source.format(SECRET, SECRET) if "{{" not in source else source.format(SECRET, SECRET))
    assert "secret" not in told and "personne" not in told, told


@pytest.mark.parametrize(
    "source",
    [
        "{}",
        "<b>{}</b>",
        '<font color="red">{}</font>',
        '<font color="yellow" size="1">{}</font>',
        "<center>\n\n{}\n\n</center>",
        '<span style="color:blue">{}</span>',
        '<span style="color:lightgray">{}</span>',
        '<span style="color:rgb(10 20 30 / 90%)">{}</span>',
        '<span style="color:rgba(255, 0, 0, 0.9)">{}</span>',
        '<span style="color:hsl(120, 100%, 25%)">{}</span>',
        '<span style="color:oklch(40% 0.2 30)">{}</span>',
        '<span style="color:hwb(0 0% 0%)">{}</span>',
        '<span style="color:var(--x)">{}</span>',
        "\\``a <b>{}</b>",
        '<span style="font-size:10px">{}</span>',
        '<span style="font-size:0.8em">{}</span>',
        '<div style="background:#2c3e50; color:white; padding:10px">{}</div>',
        '<div style="background-color:rgb(20,30,40)"><h2 style="color:#fff">{}</h2></div>',
        '<div style="background:linear-gradient(90deg, #1e3c72, #2a5298);color:white">{}</div>',
        '<div style="background:url(a.png);color:white">{}</div>',
        '<div style="color:white;text-shadow:1px 1px 2px black">{}</div>',
        '<div class="alert alert-info" style="margin:0;border-left:5px solid #fff">{}</div>',
        '<div style="opacity:0.8;display:block;overflow:auto;width:100%">{}</div>',
        "<details><summary>Voir</summary>\n\n{}\n\n</details>",
        "<table><tr><td>{}</td></tr></table>",
        "<p>{}",
        "<p align='center'><img src='a.png' width='1'><br>{}</p>",
        '<div style="display:none">x</div>\n\n{}',
        '<div style="display:none">x</div> {}',
        '<span style="color:white">x</span> {}',
        'a <span style="color:white">x\n\n{}',
        "<p hidden>x\n\n{}",
        '<div style="visibility:hidden">x<span style="visibility:visible">{}</span></div>',
        "<b style='color:white'>x</b> et {} <b>fin</b>",
        "`<div hidden>` {}",
        "```\n<div hidden>\n```\n{}",
        "Attention <head> {}",
        "# <title> {}",
        "x <y et {} z",
        "si a<b alors {}",
        "<!-- note -->\n{}",
        "<!--\n```\n-->\n{}",
        "[Note]: {} dans le texte",
        "texte\n[x]: http://a.b '{}'",
        "[^1]: {} en note",
        "[{}](http://a.b)",
        "[{}][1]\n\n[1]: http://a.b 'titre'",
        "$x = \\text{{{}}}$",
        "5$ et 95% : {}",
        "$95\\%$ {}",
        "$\\color{{red}}{{\\text{{{}}}}}$",
        "$\\phantom{{x}}$ {}",
        "\\<script> {} </script>",
        "- un\n- {}\n",
        "| a | b |\n|---|---|\n| {} | c |",
    ],
)
def test_honest_markup_keeps_its_words(source: str) -> None:
    text = source.format(SECRET)
    assert SECRET in seen(text), seen(text)


def test_lines_keep_their_numbers_whatever_is_left_out() -> None:
    source = '<div style="display:none">\n\n{}\n\n</div>\n<script>\nx\n</script>\n[x]: a\n  "b\nc"\n'
    text = source.replace("{}", SECRET) + "$\\phantom{a\nb}$\n<p\nhidden>x</p>fin"
    assert len(lines(text)) == text.count("\n") + 1
    assert plain(lines(text)[-1]) == "fin"
    (paragraph,) = paragraphs(notebook(markdown("<div hidden>\n\nrien\n\n</div>\n\nUn texte que chacun voit.")))
    assert (paragraph.line, paragraph.text) == (6, "Un texte que chacun voit.")


def test_hidden_headings_are_none() -> None:
    hidden = '<div style="display:none">\n\n## Conclusion\n\n</div>\n\n<h2 hidden>Introduction</h2>\n\n## Robustesse'
    assert [heading.title for heading in headings(notebook(markdown(hidden)))] == ["Robustesse"]
    banner = '<div style="background:navy;color:white">\n\n## Conclusion\n\n</div>'
    assert [heading.title for heading in headings(notebook(markdown(banner)))] == ["Conclusion"]


def test_entities_and_invisible_letters_are_no_words() -> None:
    assert words(seen("un&nbsp;&nbsp;deux &#8203; &zwnj; \u3164 \u115f")) == ["un", "deux"]
    assert words(seen("m\u200bo\u200bt caf&eacute; mo&shy;t")) == ["mot", "café", "mot"]
    assert SECRET in seen(f"&lt;script&gt; {SECRET} &lt;/script&gt;")
    assert words(seen("un&#1;deux&#x0b;trois&#xfffe;&#0;")) == ["un", "deux", "trois"]


def test_words_that_nobody_sees_are_counted_and_code_and_addresses_are_none() -> None:
    assert shown(f"<p hidden>{SECRET}</p>").unseen == 7
    assert shown(f"<script>\n{SECRET}\n</script>").unseen == 7
    assert shown("<style>p {{ color: red }} h1 {{ margin: 0 }}</style>").unseen == 0
    assert shown("<!-- a b c -->").unseen == 0
    assert shown(f"<b>{SECRET}</b>").unseen == 0


PIECES = (
    *('<div style="display:none">', "</div>", "<p hidden>", "</p>", "<b>", "</b>", "<script>", "</script>", "<div\n"),
    *("\n", "\n\n", "`", "``", "```\n", "$", "{", "}", "\\phantom{", "\\", "%", "<!--", "-->", "[a]: b ", "'x'", '"'),
    *("![", "](", "]", "(", ")", "<", ">", "&nbsp;", "# T", "> ", "mot", "<option>", "<title>", "</title>", "=", "/"),
)


def test_no_text_loses_a_line_or_is_an_error() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        source = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 40)))
        assert len(lines(source)) == source.count("\n") + 1, source


@pytest.mark.parametrize(
    "piece",
    [
        *('<a "', '<a b="', "![", "![a](", '](a "', '[a]: b "\n', "$\\phantom{", "\\color{white}", "<option>", "<!--"),
        *(
            "<title>",
            "<b>",
            "<a",
            "`a``b```",
            '<div style="color:red">',
            "</b>",
            "<div\n",
            "```\n",
            "<",
            "&amp;",
            "> ",
            "\n",
        ),
    ],
)
def test_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = (piece * (300_000 // len(piece)))[:300_000]
    begin = time.process_time()
    assert len(lines(text)) >= 1
    assert time.process_time() - begin < 4, "a quadratic one would take minutes"


# --- what a teacher is told ----------------------------------------------------------------------------------------

LONG = " ".join([SECRET + "."] * 4)


def test_hidden_text_earns_nothing_and_a_teacher_is_told() -> None:
    cells = [markdown(f"## Introduction\n\n<p hidden>{LONG}</p>"), markdown("## Conclusion")]
    given = evidence(*cells, sections=find_sections(notebook(*cells), ()))
    for finding in (sections(given, wanted=["introduction", "conclusion"]), clarity(given)):
        assert finding.share == 0.0 and finding.for_teacher is not None
        assert render(finding.for_teacher, "en").startswith("28 words that no reader")
        assert "28 mots qu’aucun lecteur" in render(finding.for_teacher, "fr") and "1" in render(
            finding.for_teacher, "fr"
        )


@pytest.mark.parametrize(
    "source", [LONG, f"<b>{LONG}</b>", f"<!-- {LONG} -->", f"<p hidden>{SECRET}</p>", f"![{LONG}](a)"]
)
def test_nobody_is_told_of_seen_text_slips_and_comments(source: str) -> None:
    assert unseen(evidence(markdown(source))) is None


def test_hidden_text_of_the_starter_notebook_is_not_the_students() -> None:
    given = f"<p hidden>{LONG}</p>"
    assert unseen(evidence(markdown(given))) is not None
    assert unseen(evidence(markdown(given), template=(given,))) is None


def test_what_is_quoted_stands_as_it_was_written() -> None:
    source = "# Title\n\nThe \u202eevil\u202c model reached 99\u200b.9 %\n<!-- no -->\nso it is chosen"
    found = shown(source)
    assert "The evil model reached 99.9 %" in found.text
    parts = ["The evil model", "99.9 %", "absent", "so it is"]
    assert list(found.written(2, parts)) == ["The \u202eevil\u202c model", "99\u200b.9 %", "absent", "so it is"]
    assert list(found.written(0, ["evil"])) == ["\u202eevil"]
