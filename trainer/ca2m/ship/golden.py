"""Golden phrases: texts with the token ids that both languages must give them."""

from __future__ import annotations

import json
import random
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer

THINGS = (
    "man", "woman", "boy", "dog", "cat", "car", "bus", "cup", "bottle", "umbrella", "traffic light", "potted plant",
    "skateboard", "laptop", "giraffe", "kite", "chair", "sofa", "wine glass", "baseball bat", "T-shirt", "windowsill",
)  # fmt: skip
LOOKS = ("red", "dark blue", "striped", "black and white", "wooden", "half-empty", "open", "blurry", "taller", "")
PLACES = (
    "on the left", "furthest right", "at the back", "closest to us", "in the top right corner", "second from left",
    "next to the door", "behind the {thing}", "just left of the {thing}", "being held by the {thing}",
)  # fmt: skip
PEOPLE = (
    "lady w/ the gray vest", "guy's left arm", "the one who isn't looking", "kid in #23 jersey",
    "half a sandwich - top", "man, standing, 2nd from right", "girl (pink top)", "3rd banana from the bottom",
    "zebra's rear end", "white thing?", "the man who's holding the woman's hand", "brown & white cow",
    "nokia phone @ 10 o'clock", "50% of a pizza",
)  # fmt: skip
ACCENTS = (
    "café crème", "naïve façade", "Ångström", "Übergrößenträger", "El niño pequeño", "přílišný žluťoučký kůň",
    "résumé", "İstanbul'da bir kız", "ΌΣΟΣ ο άνδρας", "Ёлка и йогурт", "Việt Nam phở bò", "straße STRASSE",
    "Œuvre ﬁne ﬂag", "ǅungla ǆ Ǆ", "a\u0301\u0323\u0302 stack", "\u0301 leading mark", "Z͑͗a̴l͓g̵o̷ t̸e̵x̶t̷",
    "K Å Ω signs", "ñ" * 30,
)  # fmt: skip
SCRIPTS = (
    "左边的红色杯子", "the 猫 on the 桌子", "右の赤い車", "カタカナ ｶﾀｶﾅ ひらがな", "빨간 자동차 왼쪽", "𠀀𠮷野家",
    "㐀㐁 豈更", "الرجل على اليسار", "האיש בצד שמאל", "บ้านหลังใหญ่", "लाल कार", "красная машина слева",
    "το κόκκινο αυτοκίνητο", "ქართული მანქანა", "የኢትዮጵያ ቡና", "red。blue、green", "「quoted」『cup』",
    "１２３ ＡＢＣ ｆｕｌｌ", "Ⅷ Ⅳ ⅓ ² ₂ ①",
)  # fmt: skip
EMOJI = (
    "👨\u200d👩\u200d👧\u200d👦 on the bench", "👍🏽 thumb", "🏳️\u200d🌈 flag", "❤️ heart", "🇩🇪 flag", "dog🐕cat",
    "🧑\u200d🚀", "☕ cup", "☕\ufe0f cup", "1️⃣ first", "👀", "©®™ sign", "🫠 melting",
)  # fmt: skip
BLANKS = (
    "tab\tbetween", "new\nline", "carriage\r\nreturn", "no\u00a0break", "thin\u2009space", "ideographic\u3000space",
    "zero\u200bwidth", "soft\u00adhyphen", "bom\ufeffinside", "\u2028line\u2029para", "bell\x07ring", "nul\x00byte",
    "esc\x1b[31mred", "del\x7fete", "vertical\x0btab", "form\x0cfeed", "next\x85line", "a\u200ejoin\u200fb",
    "  many   blanks  ", "ogham\u1680space", "mongolian\u180evowel", "private\ue000use", "bad\ufffdsign",
    "word\u2060join", "unassigned\u0378point", "arab\u061dsign", "double\u2e43dash", "\t", " ", "", "\u200b",
)  # fmt: skip
SPECIALS = (
    "[MASK]", "[mask] cup", "the [MASK] cup", "a[SEP]b", "[CLS] [SEP] [PAD] [UNK]", "[UNK]nown", "[ MASK ]", "[MASK",
    "MASK]", "[[MASK]]", "[MASK][MASK]", "##ing", "un##able", "<s> </s> <mask>", "[unused0]", "[unused99] x",
    "Ｍ[MASK]Ａ", "[M\u200bASK]", "café[MASK]e\u0301",
)  # fmt: skip
LONG = (
    "a" * 99, "a" * 100, "a" * 101, "b" * 1000, "Donaudampfschifffahrtsgesellschaftskapitän", "é" * 100,
    "e\u0301" * 101, "antidisestablishmentarianism floccinaucinihilipilification", "ab" * 49 + "." + "cd" * 60,
    "ß" * 120, "世" * 40, "x-" * 60, "://".join(["www"] * 20), "supercalifragilisticexpialidocious cup",
)  # fmt: skip
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’‚„…–—―‐‑·•°§¶†‡‹›€£¥¢¤¬±×÷µ¹½¼ªº′″‰№℃←→∞≈≠≤√∑"


def phrases() -> list[str]:
    """The fixed list: referring expressions first, then all that a keyboard or a clipboard may hand over."""
    pick = random.Random(20)
    made = []
    for thing in THINGS:
        for _ in range(9):
            place = pick.choice(PLACES).format(thing=pick.choice(THINGS))
            made.append(" ".join(f"{pick.choice(('the', 'a', ''))} {pick.choice(LOOKS)} {thing} {place}".split()))
    odd = [*PEOPLE, *ACCENTS, *SCRIPTS, *EMOJI, *BLANKS, *SPECIALS, *LONG]
    odd += [f"cup{sign}saucer {sign} {sign}{sign}" for sign in SIGNS]
    odd += [form for text in ACCENTS for kind in ("NFC", "NFD", "NFKC") if (form := unicodedata.normalize(kind, text))]
    odd += [text.upper() for text in (*PEOPLE, *ACCENTS)] + [text.title() for text in made[:20]]
    odd += ["".join(pick.choices("ab éÉ\t.,'[]#猫\u0301\u200d", k=12)) for _ in range(60)]
    for _ in range(60):
        odd.append("".join(chr(pick.randrange(*pick.choice(((0x20, 0x3000), (0x1F300, 0x1FB00))))) for _ in range(8)))
    return list(dict.fromkeys(made + odd))


def write(path: Path, tokenizer_json: Path) -> None:
    """Write phrases() with their ids, [CLS] and [SEP] included, neither cut nor padded, as JSON."""
    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = [{"text": text, "ids": tokenizer.encode(text).ids} for text in phrases()]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
