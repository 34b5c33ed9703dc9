"""Words by which a sentence gives a cause or a purpose, in French and English: a heuristic, blind to what is said.

Words that as often tell what came out (*donc*, *ainsi*, *so*) count only where no result follows them, and verbs of an
effect only as verbs: the *modèle amélioré* and *augmented data* give no reason.
"""

from __future__ import annotations

import re

from autograder.notebook.text import fold

_FRENCH_RESULT = (
    r"(?!,? ?(?:on (?:obtient|a|voit|constate|observe)|nous (?:obtenons|avons|voyons|constatons|observons)"
    r"|l[ea] (?:meilleure?|modele (?:final|retenu)|score|precision)|l'exactitude|que\b|qu'|dit))"
)
_BETTER_FR = r"(?:meilleure?s?|davantage|plus|moins|mieux)"
_PERCEIVE_FR = (
    r"(?:combiner|detecter|capter|apprendre|distinguer|reconnaitre|extraire|representer|generaliser|memoriser|separer"
    r"|reperer|retenir|saisir|s'adapter)"
)
_FRENCH = (
    r"parce qu|puisqu|c'est pour(?:quoi| (?:ca|cela))|voila pourquoi|du coup\b|comme ca\b",
    r"(?<!avons )(?<!\bai )(?<!\ba )(?<!ont )(?<!deja )(?<!bien )vu qu(?:e\b|')|etant donne|compte tenu",
    r"a cause d|en raison d|du fait (?:de|d'|que|qu'|des)|faute d[e']|d'ou (?!vien)|sans quoi\b|sans cela\b",
    r"sinon\b|autrement\b(?! dit)|histoire d[e']|de (?:peur|crainte) (?:de|d'|que|qu')|en vue d[e']",
    r"afin (?:de|d'|que|qu')|en effet\b",
    r"grace a\b(?! (?:la|une|ma|cette|notre) (?:meme )?(?:fonction|boucle|bibliotheque|cellule))",
    r"dans (?:le but|l'espoir|l'idee)|pour qu",
    r"de (?:sorte|maniere|facon) (?:a|qu)",
    rf"(?:donc|ainsi) {_FRENCH_RESULT}\w",
    r"car (?:l[ea']|les|il|elle|on|ce|ca|cel|nous|je|une?|avec|sans|plus|trop|sinon|en|dans|mon|notre|cette|chaque"
    r"|\d|[dnjcs]'|des?\b|du\b|nos|mes|ma\b|ses|son\b|leurs?\b|tou[st]|beaucoup|peu\b|moins|aucun|quelques|seul|si\b"
    r"|plusieurs|deux|trois|huit|dix|pour\b|apres|sur\b|ici\b|malgre|quand|lorsqu|cel(?:ui|les?)\b|souvent|vu\b)",
    r"comme (?:l[ea']|les|nos|notre|mes|mon|ces?|cette|il|on|nous|chaque|une?)"
    r"(?! ?(?:l[ea] |l'|les )?(?:\w+ )?(?:montr|vo[iy]|vu\b|prevu|preced|dit\b|attendu))\b[^.;:!?]{3,120}"
    r"(?:, (?:il|elle|l[ea]|les|une?)|,? (?:on|nous|je|j'))\b",
    r"pour (?:(?:mieux|ne|pas|plus|bien|y|en|le|la|les|se|lui|nous|me|davantage) |l'|s'|m'){0,3}"
    r"(?!premier|dernier|papier|(?:re)?entrainer|evaluer|afficher|tracer|compiler|charger)[\w-]+(?:er|ir|oir|uire"
    r"|ndre|aire|mettre|aitre|oudre|suivre)\b",
    rf"pour (?:une? (?:\w+ )?{_BETTER_FR}|(?:davantage|plus|moins) (?:de |d')(?!details|precisions|info))",
    r"vis(?:e|ent|ant) a\b|perme(?:t|ts|ttre|ttent|ttant|ttrait)\b|evit(?:e|er|ent|ant|erait)\b|redui(?:t|sent)\b",
    r"empech|lutter? contre|contre (?:le sur.?app|l'? ?over.?fit)|compens(?:e|ent|er|ant)\b|devrai(?:t|ent)\b"
    r"|hypothese|(?:s'|m')attend|suppos",
    r"(?:l'|mon |notre |une )(?:idee|intuition)\b|(?:but|objectif|intention|espoir|interet) (?:est|etait|etant)\b",
    r"(?:j'|nous |on )espere|esperons|en esperant|pens\w+ que [^.;]{0,60}?\w+(?:ra|rait|ront|raient)\b",
    r"aid(?:e|ent|er) (?:a|le|la|les)\b|oblige|force(?:r|nt)? (?:a|le|la|les)\b|stabilis|favoris|ser(?:t|vent|vir) a\b",
    r"(?:cela|ca|ce qui|qui|elle|ils?) (?:ne )?(?:limit|acceler|amelior|augment|diminu|facilit|renforc)\w+",
    r"(?:limit|acceler|amelior|augment|diminu|facilit|renforc)(?:er|ent|ant|erait)? (?:la |le |l')"
    r"(?:sur.?app|memor|converg|general|stabil|robust|varian|capacit|complex|risque|champ)",
    r"appren(?:d|dre|nent|ant|drai(?:t|ent)) (?:au|aux|a la|a notre|a mon) (?:reseau|modele|cnn|couche|filtre)",
    rf"rend(?:re|ent|ant|ra|rait)? [^.;,]{{1,40}}\b(?:{_BETTER_FR}|robuste|stable|invariant)|gagner en\b",
    r"cherch\w* a (?:redui|limit|evit|amelior|gagn|rend|acceler|stabilis|augment|dimin|forc|lutt)",
    r"(?:simul|imit|penalis)(?:e|ent|er|ant)\b|gard(?:e|ent|er|ant) (?:des|les) (?:activations|poids)|histoire que\b",
    r"qui (?:converg|s'adapt|apprend|apprenn)\w* (?:plus|mieux|bien)|s'adapt(?:e|ent) (?:bien|mieux|a)\b",
    rf"(?<!on )(?:peu(?:t|vent)|pourra(?:it|ient)?) (?:alors |ainsi |mieux |davantage )*{_PERCEIVE_FR}",
    r"(?:j'ai|on a|nous avons) (?:donc )?voulu\b|(?:on s'est|je me suis|nous nous sommes) dite?s? qu",
    r"ne (?:peu(?:t|vent)|pourra(?:it|ient)?) (?:pas|plus) (?:s'appuyer|se fier|compter|se contenter"
    r"|apprendre par coeur|tricher)",
    r"(?:detect|capt|distingu|combin)(?:e|ent|er) (?:plus|davantage|mieux)\b|interet d[^.;,]{1,40} est\b",
    r"(?:fait|font|donne|donnent) (?:plus|davantage|moins) d(?:e |')(?:pas|mises|gradient|exemple|iteration|vari)",
    r"(?:veux|voulais|voulons|souhaite|souhaitons|souhaitais) (?:voir|verifier|tester|savoir)\b",
    r"(?:pourquoi|raison|justification|motivation|hypothese|interet|objectif|but) ?:",
)
_VERBS = (
    "reduce|avoid|prevent|improve|limit|help|make|capture|increase|speed|stabili[sz]e|learn|force|give|see|fight|"
    "regulari[sz]e|let|allow|extract|decrease|lower|keep|get|test|check|find|control|counter|mitigate|encourage|"
    "combat|punish|rely|gain|accelerate|generali[sz]e|focus|spread|enlarge|smooth"
)
_ENGLISH_RESULT = (
    r"(?!far\b|on\b|forth|called|that\b|much\b|(?:we|i|you) (?:see|get|got|obtain|have|had|can see|choose|chose|find)"
    r"|(?:the|our|my) (?:best|final|winner|winning|accuracy|score|result|choice))"
)
_BETTER_EN = (
    r"(?:better|faster|more|less|fewer|smoother|stronger|greater|higher|lower|quicker|easier|harder|wider|deeper"
    r"|larger|bigger|smaller|stable|robust|general|invariant)"
)
_SUBJECT = r"(?:it|they|we|this|that|these|i|(?:the|our|each|every|its|their) (?:\w+ )?\w+|training|learning)"
_PERCEIVE_EN = r"(?:combine|detect|capture|learn|distinguish|recogni[sz]e|extract|represent|generali[sz]e|memori[sz]e)"
_ENGLISH = (
    r"because\b|so that\b|in order to\b|since\b|therefore\b|thus\b|hence\b|due to\b|owing to\b|thanks to\b",
    r"given (?:that|how|our|the (?:small|low|few|limited|large|number|amount|lack))\b|in view of\b|or else\b",
    r"otherwise\b|seeing that\b|considering (?:that|the|our)\b|(?:that|this) is why\b|(?:that|this) way\b",
    r"the idea\b|(?:my|our|an) (?:idea|intuition|hope|guess)\b|hypothesis\b|in the hope\b|for the sake of\b",
    r"(?:goal|aim|purpose|intention|intent|point|motivation|rationale|hope) (?:is|was|here|being|behind)\b",
    rf"to (?:\w+ly )?(?:{_VERBS})\b|intended to\b|meant (?:to|for)\b|designed to\b|aim(?:s|ed|ing)? (?:to|at)\b",
    r"(?<!not )(?<!n't )(?<!even )helps?\b",
    r"prevents?\b|avoids?\b|reduces?\b|allows?\b|should\b|expect|encourages?\b|enabl(?:es|ing)\b|lets?\b",
    r"hop(?:e|ed|es|ing) (?:to|that)\b|leads? to\b|leading to\b|resulting in\b|acts? as\b|serves? (?:as|to)\b|punish",
    r"improv(?:es|ing)\b|stabili[sz](?:es|ing)\b|regulari[sz]es\b|accelerat(?:es|ing)\b|forc(?:es|ing)\b",
    r"(?:simulat|imitat|mimick)(?:es|ing)\b|mimics\b|cop(?:e|es|ing) (?:well|better) with\b",
    rf"(?<!we )(?<!you )(?<!one )(?:can|may|might|could) (?:then |thus |better |also )*{_PERCEIVE_EN}\b",
    r"(?:detect|recogni[sz]e|extract|combine)s? (?:more|better)\b|mak(?:es?|ing) more (?:updates|steps)\b",
    r"too (?:simple|small|shallow|weak|large|big|slow|few|little) (?:to|for)\b|to fine.?tune\b",
    r"cut(?:s|ting) (?:the|down)\b|lowers? the (?:number|risk|step|rate|variance)\b",
    r"teach(?:es|ing)? (?:the|it|them|our|a)\b",
    r"mak(?:es?|ing) (?:it|them|that) (?:very |much |more )?(?:hard|easy|impossible|unlikely)|against over.?fitting\b",
    r"(?:cannot|can't|can no longer) (?:just |simply |only )?(?:rely|depend|cheat|memori[sz]e|learn by heart)\b",
    r"mitigat(?:es|ing)\b|letting\b|speed(?:s|ing) up\b|counters\b|combats\b|captures\b|penali[sz]es\b",
    r"keep(?:s|ing) (?:the|it|its|activations|weights)\b|keeps? (?:\w+ ){1,3}from \w+ing\b",
    rf"(?:mak|keep)(?:es|s|ing) [^.;,]{{1,40}}?\b(?:{_BETTER_EN}|rely|learn|focus|possible)\b",
    rf"giv(?:es|ing) [^.;,]{{1,30}}?\b{_BETTER_EN}\b|which (?:makes|gives|means|stops|forces|keeps|helps)\b",
    rf"for (?:an? )?(?:\w+ )?{_BETTER_EN}\b (?!epoch|step|detail|info|iteration|image|and\b|or\b)",
    r"with so (?:little|few|many|much)\b|\bwhy ?:|(?:reason|rationale|motivation|goal|aim|purpose|hypothesis) ?:",
    rf"so {_ENGLISH_RESULT}{_SUBJECT} (?:\w+ly )?(?:is|are|can|sees?|learns?|has|does|do|generali|becomes?|stays?"
    r"|needs?|converges?|overfits?|will|would|could|must|gets?|keeps?)",
)
_BARE = (
    rf"(?:[,;:(] |\band |^)so {_ENGLISH_RESULT}\w",
    r"(?:[,;:(.]|^) ?as (?!(?:the|our|a) (?:baseline|base|previous|first|reference|table|figure|plot|graph|one)\b)"
    r"(?!(?:we|you|one|i|it|this|they) (?:can|could|may|saw|see|did|do|said|wrote|was|shows?|above|before)\b)"
    rf"{_SUBJECT} ",
    r"(?<!same)(?<!such)(?<!well)(?<!far)(?<!known) as (?:it|this|they|these) (?:\w+ly )?"
    r"(?:makes?|keeps?|gives?|lets?|helps?|allows?|reduces?|has|have|needs?)\b",
)
"""Begin at a sign or need what stands before them."""
_REASON = re.compile("|".join([*(rf"\b(?:{words})" for words in (*_FRENCH, *_ENGLISH)), *_BARE]))


def count(text: str) -> int:
    """How many causes and purposes a text gives, as far as its words tell."""
    return len(_REASON.findall(fold(text)))
