"""The words of things: the 80 names of the detector, what people call them, and which words span several of them."""

from __future__ import annotations

import re

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,"
    "suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
)
COCO80: tuple[str, ...] = tuple(_COCO.split(","))
"""Class names in the order of NanoDet's outputs."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(COCO80)}
OUTSIDE = len(COCO80)
"""Noun index of a thing whose name is known not to be one of the 80."""
UNKNOWN = -1
"""Noun index when nothing is known about the name."""

RIDERS = ("cyclist", "motorcyclist", "tricycle rider")
CLOTHES = (
    "long sleeved dress",
    "long sleeved outerwear",
    "long sleeved shirt",
    "short sleeved dress",
    "short sleeved outerwear",
    "short sleeved shirt",
    "shorts",
    "skirt",
    "sling dress",
    "sling top",
    "trousers",
    "vest",
    "vest dress",
)

_TOPS = tuple(name for name in CLOTHES if name not in ("shorts", "skirt", "trousers"))
PARTS = frozenset((*CLOTHES, "head"))
"""Classes that every person has, though few are labelled."""

_ALIAS = {**dict.fromkeys(RIDERS, "person"), "stove": "oven", "coffee table": "dining table", "oil bottle": "bottle"}
_SPLIT = frozenset({"van", "trash can", "nightstand", "tin can", "cabinet", "salad dressing", "vinaigrette"})
OFTEN_UNLABELLED = frozenset(
    {"person", "chair", "book", "bottle", "cup", "car", "bowl", "potted plant", "handbag", "dining table"}
)
"""Classes that are often in a photo without a label."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": (*("person",) * 9, "guy", "guy", "human", "individual"),
    "cyclist": ("cyclist", "bicyclist", "rider", "person on a bike"),
    "motorcyclist": ("motorcyclist", "rider", "person on a motorbike"),
    "tricycle rider": ("tricycle rider", "rider"),
    "bicycle": ("bicycle", "bike", "bike"),
    "car": (*("car",) * 9, "automobile"),
    "motorcycle": ("motorcycle", "motorbike", "bike"),
    "airplane": ("airplane", "plane", "plane", "aeroplane"),
    "bus": ("bus", "bus", "bus", "bus", "coach"),
    "truck": ("truck", "truck", "lorry"),
    "boat": ("boat", "boat", "ship"),
    "traffic light": ("traffic light", "traffic light", "traffic signal", "stoplight"),
    "fire hydrant": ("fire hydrant", "hydrant"),
    "bench": ("bench", "bench", "seat"),
    "cat": ("cat", "cat", "cat", "cat", "kitty"),
    "dog": ("dog", "dog", "dog", "dog", "pup"),
    "backpack": ("backpack", "backpack", "bag", "rucksack"),
    "umbrella": ("umbrella", "umbrella", "umbrella", "parasol"),
    "handbag": ("handbag", "bag", "purse"),
    "tie": ("tie", "necktie"),
    "suitcase": ("suitcase", "suitcase", "bag", "luggage"),
    "frisbee": ("frisbee", "disc"),
    "skis": ("skis", "pair of skis"),
    "sports ball": ("ball", "ball", "sports ball"),
    "baseball bat": ("baseball bat", "bat"),
    "baseball glove": ("baseball glove", "mitt", "glove"),
    "skateboard": ("skateboard", "board"),
    "surfboard": ("surfboard", "board"),
    "snowboard": ("snowboard", "board"),
    "tennis racket": ("tennis racket", "racket", "racquet"),
    "wine glass": ("wine glass", "glass", "wineglass"),
    "cup": ("cup", "cup", "mug"),
    "donut": ("donut", "doughnut"),
    "hot dog": ("hot dog", "hotdog"),
    "chair": ("chair", "chair", "chair", "seat"),
    "couch": ("couch", "sofa"),
    "potted plant": ("plant", "plant", "potted plant", "houseplant"),
    "dining table": ("table", "table", "dining table"),
    "tv": ("tv", "television", "screen", "monitor"),
    "laptop": ("laptop", "laptop", "computer", "notebook computer"),
    "mouse": ("mouse", "computer mouse"),
    "remote": ("remote", "remote control"),
    "cell phone": ("cell phone", "phone", "phone", "mobile phone", "smartphone"),
    "microwave": ("microwave", "microwave oven"),
    "oven": ("oven", "oven", "stove"),
    "refrigerator": ("refrigerator", "fridge", "fridge"),
    "teddy bear": ("teddy bear", "teddy", "stuffed bear"),
    "hair drier": ("hair dryer", "hair drier"),
    "sink": ("sink", "sink", "basin"),
    "bookcase": ("bookcase", "bookshelf"),
    "trash can": ("trash can", "garbage can", "bin"),
    "faucet": ("faucet", "tap"),
    "traffic cone": ("traffic cone", "cone"),
    "picture frame": ("picture frame", "picture", "framed picture"),
    "window blind": ("window blind", "blinds"),
    "stove": ("stove", "cooker"),
    "countertop": ("countertop", "counter"),
    "tin can": ("can", "tin can"),
    "coffee table": ("coffee table", "table"),
    "pot": ("pot", "cooking pot"),
    "trousers": ("trousers", "pants"),
    "long sleeved dress": ("dress", "long sleeved dress"),
    "short sleeved dress": ("dress", "short sleeved dress"),
    "sling dress": ("dress", "sling dress"),
    "vest dress": ("dress", "sleeveless dress"),
    "long sleeved shirt": ("shirt", "shirt", "long sleeved shirt"),
    "short sleeved shirt": ("shirt", "t-shirt", "short sleeved shirt"),
    "long sleeved outerwear": ("jacket", "coat"),
    "short sleeved outerwear": ("jacket",),
    "sling top": ("sling top", "tank top"),
    "vest": ("vest", "tank top"),
    "meat patty": ("patty", "meat patty"),
}
"""Class -> what people say for it; a word said more often stands more often. A missing class is called by its name."""

SUPER: dict[str, tuple[str, ...]] = {
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "kangaroo"),
    "pet": ("cat", "dog"),
    "vehicle": ("car", "motorcycle", "bus", "train", "truck", "van"),
    "fruit": ("banana", "apple", "orange"),
    "food": (
        "banana",
        "apple",
        "sandwich",
        "orange",
        "broccoli",
        "carrot",
        "hot dog",
        "pizza",
        "donut",
        "cake",
        "bread",
        "cheese",
        "bacon",
        "salad",
        "spaghetti",
        "sausage",
        "tomato",
        "onion",
        "vegetable",
        "meat patty",
        "egg",
        "turkey",
    ),
    "piece of furniture": ("chair", "couch", "bed", "dining table", "bench", "coffee table", "bookcase", "nightstand"),
    "appliance": ("microwave", "oven", "refrigerator", "stove"),
    "utensil": ("fork", "knife", "spoon"),
}
"""Super-class -> the classes that a person would surely call so."""

_MORE: dict[str, tuple[str, ...]] = {
    "person": RIDERS,
    "guy": RIDERS,
    "human": RIDERS,
    "individual": RIDERS,
    "someone": RIDERS,
    "bike": ("bicycle", "motorcycle"),
    "motorbike": ("motorcycle",),
    "car": ("van", "truck"),
    "automobile": ("van", "truck"),
    "truck": ("van", "car", "bus"),
    "lorry": ("van", "car", "bus"),
    "van": ("car", "truck", "bus"),
    "bus": ("van", "truck", "train"),
    "coach": ("van", "truck", "train"),
    "train": ("bus",),
    "rider": (*RIDERS, "person"),
    "cyclist": (*RIDERS, "person"),
    "bicyclist": (*RIDERS, "person"),
    "motorcyclist": (*RIDERS, "person"),
    "person on a bike": (*RIDERS, "person"),
    "person on a motorbike": (*RIDERS, "person"),
    "tricycle rider": (*RIDERS, "person"),
    "bag": ("handbag", "backpack", "suitcase"),
    "purse": ("handbag", "backpack"),
    "luggage": ("handbag", "backpack", "suitcase"),
    "suitcase": ("handbag", "backpack"),
    "handbag": ("backpack", "suitcase"),
    "backpack": ("handbag", "suitcase"),
    "rucksack": ("handbag", "suitcase"),
    "board": ("skateboard", "surfboard", "snowboard", "skis"),
    "snowboard": ("skis", "skateboard", "surfboard"),
    "surfboard": ("skateboard", "snowboard"),
    "skateboard": ("surfboard", "snowboard"),
    "ball": ("orange",),
    "glass": ("wine glass", "cup", "vase", "bottle", "bowl"),
    "wineglass": ("wine glass", "cup"),
    "wine glass": ("cup",),
    "cup": ("wine glass", "bowl"),
    "mug": ("cup", "wine glass", "bowl"),
    "bowl": ("cup", "plate", "pot"),
    "bottle": (
        "vase",
        "ketchup",
        "oil bottle",
        "salad dressing",
        "vinaigrette",
        "mayonnaise",
        "honey",
        "juice",
        "milk",
        "salt",
        "jam",
        "peanut butter",
    ),
    "vase": ("potted plant", "bottle", "cup", "pot"),
    "plant": ("potted plant", "vase"),
    "potted plant": ("vase",),
    "houseplant": ("vase",),
    "table": ("dining table", "coffee table", "nightstand", "countertop"),
    "dining table": ("coffee table", "countertop"),
    "coffee table": ("dining table", "nightstand"),
    "seat": ("chair", "bench", "couch", "toilet"),
    "chair": ("couch", "bench"),
    "couch": ("chair", "bed"),
    "sofa": ("chair", "bed"),
    "bench": ("chair", "couch"),
    "bed": ("couch",),
    "screen": ("tv", "laptop", "cell phone"),
    "monitor": ("tv", "laptop"),
    "tv": ("laptop",),
    "television": ("laptop",),
    "computer": ("laptop", "tv", "keyboard"),
    "notebook computer": ("laptop", "tv"),
    "laptop": ("tv",),
    "phone": ("cell phone", "remote"),
    "remote": ("cell phone",),
    "cell phone": ("remote",),
    "oven": ("stove", "microwave", "toaster"),
    "stove": ("oven",),
    "cooker": ("oven", "stove"),
    "microwave": ("oven", "toaster"),
    "toaster": ("oven", "microwave"),
    "refrigerator": ("cabinet",),
    "fridge": ("cabinet",),
    "bear": ("teddy bear",),
    "teddy bear": ("bear", "doll"),
    "teddy": ("bear", "doll"),
    "stuffed bear": ("bear", "doll"),
    "doll": ("teddy bear",),
    "dog": ("cat", "bear", "sheep"),
    "cat": ("dog",),
    "cow": ("horse", "sheep"),
    "horse": ("cow",),
    "sheep": ("cow", "dog"),
    "zebra": ("horse",),
    "orange": ("apple", "tomato"),
    "apple": ("orange", "tomato"),
    "tomato": ("apple", "orange", "vegetable"),
    "donut": ("cake",),
    "cake": ("donut", "bread"),
    "sandwich": ("hot dog", "bread"),
    "bread": ("sandwich", "cake"),
    "hot dog": ("sandwich", "sausage"),
    "sausage": ("hot dog", "bacon"),
    "pizza": ("cake",),
    "broccoli": ("vegetable",),
    "carrot": ("vegetable",),
    "vegetable": ("broccoli", "carrot", "tomato", "onion", "salad"),
    "onion": ("vegetable", "apple"),
    "fork": ("knife", "spoon"),
    "knife": ("fork", "spoon"),
    "spoon": ("fork", "knife"),
    "clock": ("tv",),
    "kite": ("umbrella",),
    "umbrella": ("kite",),
    "bat": ("baseball bat",),
    "sink": ("toilet",),
    "basin": ("toilet",),
    "shelf": ("bookcase", "cabinet"),
    "bookcase": ("shelf", "cabinet"),
    "bookshelf": ("shelf", "cabinet"),
    "cabinet": ("shelf", "bookcase", "nightstand", "refrigerator"),
    "nightstand": ("cabinet", "dining table", "coffee table"),
    "can": ("tin can", "bottle", "trash can"),
    "pot": ("bowl", "potted plant"),
    "plate": ("bowl",),
    "picture": ("picture frame", "tv"),
    "picture frame": ("tv",),
    "counter": ("countertop", "dining table", "cabinet"),
    "countertop": ("dining table", "cabinet"),
    "jacket": _TOPS,
    "coat": _TOPS,
    "shirt": _TOPS,
    "t-shirt": _TOPS,
    "tank top": _TOPS,
    "vest": _TOPS,
    "sling top": _TOPS,
    "long sleeved shirt": _TOPS,
    "short sleeved shirt": _TOPS,
    "dress": _TOPS,
    "long sleeved dress": _TOPS,
    "short sleeved dress": _TOPS,
    "sling dress": _TOPS,
    "sleeveless dress": _TOPS,
    "trousers": ("shorts", "skirt"),
    "pants": ("shorts", "skirt"),
    "shorts": ("trousers", "skirt"),
    "skirt": ("shorts", *CLOTHES[:1]),
    "animal": ("teddy bear",),
    "pet": ("bird", "horse", "sheep", "cow", "bear"),
    "vehicle": ("bicycle", "boat", "airplane", *RIDERS),
    "fruit": ("tomato", "carrot", "vegetable", "broccoli", "onion"),
    "food": ("jam", "honey", "ketchup", "peanut butter", "mayonnaise", "bowl", "plate", "cereal box"),
    "piece of furniture": ("cabinet", "shelf", "countertop", "toilet", "tv", "potted plant"),
    "appliance": ("toaster", "sink", "tv", "hair drier", "heater", "cabinet", "stove"),
    "utensil": ("pot", "toothbrush", "scissors", "baseball bat"),
    "ship": ("boat",),
    "doughnut": ("cake",),
    "hotdog": ("sandwich", "sausage"),
    "parasol": ("kite",),
}
"""Word -> classes that some people would call so, too: they make the word ambiguous."""

_HYPONYMS: dict[str, str] = {
    "person": (
        "man woman boy girl lady guy kid child baby toddler people player rider skater skier surfer snowboarder driver "
        "cyclist biker pedestrian passenger human dude gentleman officer policeman cop soldier worker chef cook waiter "
        "batter catcher umpire pitcher referee runner jockey bride groom bicyclist motorcyclist athlete goalie "
        "spectator hiker teen teenager someone individual fellow bartender model figure wakeboarder kitesurfer gymnast "
        "swimmer dancer singer musician guitarist speaker student teacher shopper customer skateboarder golfer climber "
        "photographer fisherman farmer sailor monk businessman somebody men women kids children"
    ),
    "bicycle": "bike",
    "motorcycle": "motorbike scooter moped",
    "airplane": "plane jet airliner biplane aeroplane aircraft jetliner",
    "car": "suv sedan hatchback taxi cab convertible limo minivan jeep beetle coupe automobile cars",
    "bus": "decker minibus",
    "truck": "pickup lorry firetruck",
    "train": "locomotive tram streetcar",
    "boat": "ship canoe sailboat yacht rowboat kayak ferry",
    "bird": "duck goose swan parrot chick chicken rooster hen ostrich flamingo owl eagle gull seagull pigeon penguin "
    "pelican heron crane robin duckling gosling peacock",
    "cat": "kitten kitty",
    "dog": "puppy pup poodle terrier bulldog husky",
    "horse": "pony foal",
    "sheep": "lamb ram ewe",
    "cow": "bull calf ox",
    "elephant": "elephants",
    "bear": "cub",
    "zebra": "zebras",
    "backpack": "rucksack",
    "umbrella": "parasol",
    "handbag": "purse bag",
    "suitcase": "luggage",
    "sports ball": "ball football basketball",
    "baseball glove": "mitt",
    "tennis racket": "racket racquet",
    "wine glass": "glass wineglass",
    "cup": "mug",
    "chair": "armchair stool recliner",
    "couch": "sofa loveseat",
    "potted plant": "plant houseplant",
    "dining table": "table",
    "toilet": "toilets",
    "tv": "television monitor",
    "laptop": "computer",
    "cell phone": "phone smartphone cellphone",
    "oven": "stove",
    "refrigerator": "fridge",
    "donut": "doughnut",
    "teddy bear": "teddy",
    "fire hydrant": "hydrant",
    "sink": "basin",
    "banana": "bananas",
    "orange": "oranges",
    "apple": "apples",
    "skis": "ski",
    "tie": "necktie",
}
"""Class -> words of hand-written phrases that mean it, beyond its own name."""

_LOOSE_WORDS = (
    "glass table computer bag stool stove cub model figure board cook speaker plant ball crane ram beetle van"
)
_LOOSE = frozenset(_LOOSE_WORDS.split())
"""Words that often mean something else, too: not enough alone to say the class."""


def _extensions() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Word -> (classes it surely names, classes it may name)."""
    sure: dict[str, set[str]] = {name: {name} for name in COCO80}
    for name, words in SYNONYMS.items():
        for word in (*words, name):
            sure.setdefault(word, set()).add(name)
    for name, members in SUPER.items():
        sure[name] = set(members)
    return {word: (frozenset(own), frozenset(own).union(_MORE.get(word, ()))) for word, own in sure.items()}


EXTENSIONS = _extensions()
"""Word -> (classes it surely names, classes it may name); the second holds the first."""


def extension(word: str) -> tuple[frozenset[str], frozenset[str]]:
    """Classes that word surely names, and those it may name; a word never heard names the class of its own name."""
    own = frozenset((word,))
    return EXTENSIONS.get(word, (own, own.union(_MORE.get(word, ()))))


def confusable(name: str) -> frozenset[str]:
    """Classes that any word for a class may name, the class itself with them."""
    return frozenset((name,)).union(*(extension(word)[1] for word in (*words_for(name), name)))


def index_of_word(word: str) -> int:
    """As index_of, for the one class that a word surely names; UNKNOWN when it names several."""
    sure = extension(word)[0]
    return index_of(next(iter(sure))) if len(sure) == 1 else UNKNOWN


def index_of(name: str) -> int:
    """Index into COCO80 of a class, of the class that detectors take it for, OUTSIDE, or UNKNOWN when they disagree."""
    if name in _SPLIT:
        return UNKNOWN
    return INDEX.get(_ALIAS.get(name, name), OUTSIDE)


def words_for(name: str) -> tuple[str, ...]:
    """What people say for a class, its own name if nothing else."""
    return SYNONYMS.get(name, (name,))


def _of_word() -> dict[str, str]:
    """Word of a hand-written phrase -> class."""
    by_word = {word: name for name, words in _HYPONYMS.items() for word in words.split()}
    by_word |= {word: name for name in COCO80 for word in words_for(name) if " " in word}
    return by_word | {name: name for name in COCO80}


_OF_WORD = _of_word()
_NOT_DOING = (
    "dining|parking|racing|frying|baking|washing|cutting|skating|rolling|rocking|folding|sewing|vending|thing|wing"
)
_CUT = re.compile(
    r"\b(on|in|with|at|of|to|by|near|next|behind|under|above|below|over|between|beside|from|and|that|which|who|whose|"
    r"is|wearing|holding|closest|nearest|furthest|farthest|off|inside|against|along|for|around|across|out|up|down|"
    r"being|just|he|she|they|it|the [a-z]+ is|left of|right of|without|through|into|towards?)\b|,|'s\b|\d|"
    rf"(?<=[a-z] )(?!(?:{_NOT_DOING})\b)[a-z]+ing (?=the|a|an|his|her|its|some)\b"
)
_HUE = "red|blue|green|white|black|yellow|grey|gray|brown|orange|pink|purple|silver|tan|beige|cream"
_TWO_COLOURS = re.compile(rf"\b(?:{_HUE}) and ({_HUE})\b")
_TAIL = re.compile(
    r"\s+(left|right|middle|far|here|there|itself|alone|away|[a-z]+ing|[a-z]{4,}ed|seen|cut|closer|further)$"
)
_NOUN_ING_WORDS = "building ceiling railing awning painting clothing wing ring string king earring swing thing lighting"
_NOUN_ING = frozenset(_NOUN_ING_WORDS.split())
_VAGUE_WORDS = (
    "one thing things object stuff red blue green white black yellow grey gray brown orange pink purple lower upper "
    "top bottom straight part piece other bigger smaller leftmost rightmost left right middle held painted dark light "
    "bunch group pair row pile stack animal vehicle fruit food toy furniture shirt"
)
_VAGUE = frozenset(_VAGUE_WORDS.split())


def head_of(phrase: str) -> str:
    """The last word of what a phrase names before it says more of it: "red car on the left" -> "car"."""
    text = _TWO_COLOURS.sub(r"\1", re.sub(r"^(the|a|an|that|this|his|her)\s+", "", phrase.lower().strip()))
    while (cut := _CUT.search(text)) and cut.group() == "'s":
        text = text[cut.end() :].strip()
    if cut:
        text = text[: cut.start()]
    text = text.strip()
    while (tail := _TAIL.search(text)) and tail.group(1) not in _NOUN_ING:
        text = text[: tail.start()]
    return text


def noun_of(phrase: str) -> int:
    """Index into COCO80 of the class that a hand-written phrase names, or UNKNOWN."""
    last = head_of(phrase).split()
    for size in (2, 1):
        word = " ".join(last[-size:])
        if len(last) >= size and word in _OF_WORD and word not in _LOOSE:
            return INDEX[_OF_WORD[word]]
    return UNKNOWN


def names_other(phrase: str) -> bool:
    """Whether a hand-written phrase plainly names something, and not one of the 80 classes."""
    last = head_of(phrase).split()[-1:]
    return bool(last) and last[0] not in _VAGUE | _LOOSE and last[0] not in _OF_WORD and noun_of(phrase) == UNKNOWN
