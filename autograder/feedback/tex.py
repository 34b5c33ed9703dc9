"""Formulas that are drawn and do nothing else, whichever program sets them.

Programs that set TeX obey commands that make links, fetch, dress the page, define other commands or draw over what stands
beside: not all of them hold these back. So a command is left only where it is known to draw in its own place; the
backslash of any other is parted from its name by a blank, and the formula shows its source.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Final

_LETTERS = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi varpi "
    "rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
    "Phi Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega aleph beth "
    "gimel daleth ell hbar hslash imath jmath wp Re Im partial nabla infty emptyset varnothing eth Bbbk AA aa ae AE oe OE "
    "ss complement mho Finv Game"
)
_OPERATORS = (
    "sum prod coprod int iint iiint oint bigcap bigcup bigsqcup bigvee bigwedge bigodot bigotimes bigoplus biguplus pm mp "
    "times div ast star circ bullet cdot cap cup uplus sqcap sqcup vee wedge setminus smallsetminus wr diamond "
    "bigtriangleup bigtriangledown triangleleft triangleright oplus ominus otimes oslash odot bigcirc dagger ddagger amalg "
    "dotplus ltimes rtimes boxplus boxminus boxtimes boxdot circledast circledcirc circleddash intercal land lor lnot neg "
    "surd not"
)
_RELATIONS = (
    "leq le geq ge neq ne ll gg lll ggg equiv sim simeq approx approxeq cong propto prec succ preceq succeq subset supset "
    "subseteq supseteq nsubseteq nsupseteq subsetneq supsetneq sqsubset sqsupset sqsubseteq sqsupseteq in ni notin owns mid "
    "nmid parallel nparallel perp vdash dashv models vDash bowtie asymp doteq doteqdot frown smile leqslant geqslant "
    "lesssim gtrsim lessgtr triangleq coloneqq eqqcolon colon nleq ngeq nless ngtr nsim ncong therefore because varpropto "
    "Join risingdotseq lt gt"
)
_ARROWS = (
    "to gets leftarrow rightarrow uparrow downarrow updownarrow leftrightarrow Leftarrow Rightarrow Uparrow Downarrow "
    "Updownarrow Leftrightarrow longleftarrow longrightarrow longleftrightarrow Longleftarrow Longrightarrow "
    "Longleftrightarrow mapsto longmapsto hookleftarrow hookrightarrow leftharpoonup leftharpoondown rightharpoonup "
    "rightharpoondown rightleftharpoons leftrightharpoons nearrow searrow swarrow nwarrow iff implies impliedby leadsto "
    "rightsquigarrow nleftarrow nrightarrow rightrightarrows leftleftarrows rightleftarrows leftrightarrows curvearrowleft "
    "curvearrowright circlearrowleft circlearrowright twoheadrightarrow xrightarrow xleftarrow"
)
_FUNCTIONS = (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker lg lim liminf limsup ln log max "
    "min Pr projlim sec sin sinh sup tan tanh bmod pmod mod pod operatorname operatornamewithlimits varlimsup varliminf"
)
_SHAPES = (
    "frac dfrac tfrac cfrac over choose atop binom dbinom tbinom sqrt root of stackrel overset underset substack sideset "
    "overline underline overbrace underbrace overbracket underbracket overrightarrow overleftarrow overleftrightarrow "
    "underrightarrow underleftarrow widehat widetilde hat check breve acute grave tilde bar vec dot ddot dddot ddddot "
    "mathring prime backprime limits nolimits displaylimits left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr "
    "Bigr biggr Biggr bigm Bigm biggm Biggm lbrace rbrace lbrack rbrack langle rangle lceil rceil lfloor rfloor lvert "
    "rvert lVert rVert vert Vert lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner lrcorner backslash "
    "boxed hline hdashline cr matrix pmatrix cases tag notag nonumber label ref eqref phantom hphantom vphantom strut "
    "mathstrut"
)
_FONTS = (
    "mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal boldsymbol bm pmb bold rm bf it sf tt "
    "cal frak scr mit Bbb text textrm textbf textit textsf texttt textnormal textup mbox hbox mathop mathbin mathrel "
    "mathord mathopen mathclose mathpunct mathinner displaystyle textstyle scriptstyle scriptscriptstyle tiny scriptsize "
    "small normalsize large Large LARGE color textcolor TeX LaTeX"
)
_MARKS = (
    "ldots cdots vdots ddots dots dotsb dotsc dotsi dotsm dotso quad qquad enspace enskip thinspace medspace thickspace "
    "nobreakspace space forall exists nexists top bot angle measuredangle sphericalangle triangle square Box Diamond "
    "blacksquare lozenge blacklozenge bigstar blacktriangle clubsuit diamondsuit heartsuit spadesuit flat natural sharp "
    "checkmark degree pounds yen copyright circledR circledS dag ddag cdotp ldotp And lq rq"
)
_COMMANDS: Final = frozenset(
    " ".join((_LETTERS, _OPERATORS, _RELATIONS, _ARROWS, _FUNCTIONS, _SHAPES, _FONTS, _MARKS)).split()
)
"""Those of one letter are accents and signs, all of them."""
_ENVIRONMENTS: Final = frozenset(
    "equation align alignat aligned alignedat eqnarray gather gathered multline split array matrix smallmatrix pmatrix "
    "bmatrix Bmatrix vmatrix Vmatrix cases subarray".split()
)

_FORMULA = re.compile(r"\$|\\[(\[]|\\begin|&|math|tex", re.IGNORECASE)
"""Where none of these stands, no program looks for TeX: paths and patterns of code stay as they are."""
_COMMAND = re.compile(r"\\(?=([A-Za-z]{2,}+))")
_NAMED = re.compile(r"(?:begin|end)\{([A-Za-z]{1,20}+)\*?\}")
_GAP = re.compile(r"hspace\*?\{\d{0,2}(?:\.\d{0,3})?(?:em|ex|cm|mm|in|pt|pc|px|mu)\}")
"""A gap that is no step back."""
_ENTITY = re.compile(r"&(?=(#\d++|#[xX][0-9A-Fa-f]++|[A-Za-z][A-Za-z0-9]{1,31}+);?)")
_READ = re.compile(r"[A-Za-z\\]")


def drawn(text: str) -> str:
    """Markdown, or HTML without attributes, whose formulas can do nothing but be drawn; linear in its length."""
    if not _FORMULA.search(text):
        return text
    text = _ENTITY.sub(_entity, text)
    return _COMMAND.sub(_command, text)


def _command(found: re.Match[str]) -> str:
    name, start = found[1], found.start(1)
    if name in ("begin", "end"):
        named = _NAMED.match(found.string, start)
        known = named is not None and named[1] in _ENVIRONMENTS
    elif name == "hspace":
        known = _GAP.match(found.string, start) is not None
    else:
        known = name in _COMMANDS
    return "\\" if known else "\\ "


def _entity(found: re.Match[str]) -> str:
    """Letters and backslashes that are written as entities would make a command where none is to be seen."""
    return "& " if _READ.search(_meant(found[1])) else "&"


def _meant(entity: str) -> str:
    """What a program reads for it, without its ``&`` and ``;``; empty for what is none."""
    if not entity.startswith("#"):
        return html5.get(f"{entity};", "")
    hexadecimal = entity[1] in "xX"
    digits = entity[2 if hexadecimal else 1 :].lstrip("0")
    number = int(digits or "0", 16 if hexadecimal else 10) if len(digits) <= 7 else 0
    return chr(number) if 0 < number < 128 else ""
