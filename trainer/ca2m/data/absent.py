"""Phrases for what is not in a photo: written by people for it, made untrue by one word, or said of another photo."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ca2m.data import checks
from ca2m.data.augment import PLACED, Pictures
from ca2m.data.coco import Photo
from ca2m.data.faults import EntryError
from ca2m.data.handwritten import noun_of
from ca2m.data.refs import Ref
from ca2m.data.sample import Expression, draw
from ca2m.geometry import Thing, area, iou
from ca2m.language import forms, names, phrases
from ca2m.language.untrue import elsewhere, narrowed, swapped, twisted

ASIDE = 0.45
"""Where a thing ends, 0..1 across the photo, that is plainly on one side even after a crop."""

_MORE = re.compile(r"(?:another|other|one of|some|two|three|both|all|each)\b")
"""Begins a phrase that tells of more than one of a kind."""

LARGE = 0.05
"""Share of the photo that a thing covers at least of which a phrase is made untrue: nobody overlooks it."""

NARROWED = 0.25
"""Share of the absent phrases that are said more closely, with words that people say of what is there."""


@dataclass(frozen=True)
class Missing:
    """One phrase for what is not in a photo."""

    image: str
    expression: Expression
    true: str = ""  # what was said of it before one word was changed


class Absences:
    """Draws phrases for what is not in a photo: one of `refs` (written for it by people; 0.65), else what others say of
    this photo with one word made untrue (0.15), else a rule-written near miss over a completely labelled photo, else
    what others say of another photo, where nothing that its noun may name is labelled in this one. Unlabelled things
    are many, so photos that are not complete give only half as often, and none for classes that are often left out.

    alike: twice as many are made untrue by one word, in more ways, also of photos that only phrases tell of; and many
    absent phrases are said more closely, with words that are else said of what is there.
    """

    def __init__(
        self,
        refs: Sequence[Ref],
        others: Mapping[str, Sequence[Ref]],
        photos: Mapping[str, Photo],
        pictures: Pictures,
        shares: np.ndarray | None = None,
        alike: bool = False,
    ) -> None:
        """others: what people say of each photo. shares: how often each of refs is taken, summed up to 1."""
        self.refs, self.others, self.pictures, self.shares, self.alike = refs, others, pictures, shares, alike
        self.photos = {**(labelled_by_phrases(others, photos) if alike else {}), **photos}
        self.paths = [path for path, own in others.items() for _ in own]  # a photo as often as it has phrases
        self.known = list(self.photos.values())
        self.complete = [photo for photo in self.known if photo.complete and photo.things]

    def draw(self, rng: np.random.Generator, beside: str = "") -> Missing:
        """One of them. beside: what another phrase says, to be put beside what is not there."""
        u, made = rng.random(), None
        if self.paths and u > (0.7 if self.alike else 0.85):
            made = self.untrue(rng)
        if made is None and not (self.refs and u < 0.65):
            made = self.elsewhere(rng)
        if made is None:
            if not self.refs:
                raise ValueError("make absent phrases: none was given, and no photo surely lacks what others name")
            ref = self.refs[draw(len(self.refs), self.shares, rng)]
            made = Missing(
                ref.image, Expression(ref.phrase.lower(), None, noun_of(ref, self.photos.get(ref.image)), "absent")
            )
        if self.alike and rng.random() < NARROWED:
            return replace(
                made, expression=replace(made.expression, phrase=narrowed(made.expression.phrase, rng, beside))
            )
        return made

    def untrue(self, rng: np.random.Generator) -> Missing | None:
        """A phrase made untrue by one word or, where `alike`, by another thing or the wrong side: of a thing that is
        large and the only one of its kind in the photo."""
        way = rng.random() if self.alike else 1.0
        for _ in range(40):
            ref = self._one(rng)
            photo = self.photos.get(ref.image)
            if photo is None or ref.kind not in ("attribute", "class", "relation") or _MORE.match(ref.phrase.lower()):
                continue
            noun = noun_of(ref, photo)
            if not 0 <= noun < names.OUTSIDE:
                continue
            alike = [t for t in photo.things if t.name in names.confusable(names.COCO80[noun])]
            if len(alike) != 1 or ref.box is None or area(ref.box) <= LARGE * photo.width * photo.height:
                continue
            if way < 0.2:
                phrase = self._aside(ref, ref.box[0] / photo.width, ref.box[2] / photo.width, rng)
            elif way < 0.55:
                phrase = swapped(ref.phrase.lower(), self._spoken_of(photo), rng)
            else:
                phrase = twisted(ref.phrase.lower(), rng)
            if phrase:
                return Missing(ref.image, Expression(phrase, None, noun, "absent"), ref.phrase.lower())
        return None

    def elsewhere(self, rng: np.random.Generator) -> Missing | None:
        """An absent phrase nobody wrote for the photo: a near miss or another photo's phrase; None when a hundred draws
        gave none."""
        if self.complete and rng.random() < 0.25:
            photo = self.complete[int(rng.integers(len(self.complete)))]
            phrase = phrases.absent(photo.things, rng, complete=True, pixels=self.pictures.get(photo.path))
            if phrase is not None:
                return Missing(
                    photo.path, Expression(phrase.text, None, names.index_of_word(phrase.meaning.noun), "absent")
                )
        for _ in range(100 if self.paths and self.known else 0):
            ref, photo = self._one(rng), self.known[int(rng.integers(len(self.known)))]
            noun = names.noun_of(ref.phrase)  # by its own words: "the one in the grass" may be in any photo
            if ref.image == photo.path or noun == names.UNKNOWN:
                continue
            name = names.COCO80[noun]
            if {thing.name for thing in photo.things} & names.confusable(name):
                continue
            if not photo.complete and (name in names.OFTEN_UNLABELLED or rng.random() < 0.5):
                continue
            return Missing(photo.path, Expression(ref.phrase.lower(), None, noun, "absent"))
        return None

    def _one(self, rng: np.random.Generator) -> Ref:
        """One of all phrases for what is there."""
        own = self.others[self.paths[int(rng.integers(len(self.paths)))]]
        return own[int(rng.integers(len(own)))]

    def _spoken_of(self, photo: Photo) -> set[str]:
        """Every word that is said of a photo, or names a thing labelled in it."""
        text = " ".join(ref.phrase.lower() for ref in self.others.get(photo.path, ()))
        return {
            *text.split(),
            *(word for t in photo.things for name in names.words_for(t.name) for word in name.split()),
        }

    @staticmethod
    def _aside(ref: Ref, left: float, right: float, rng: np.random.Generator) -> str | None:
        aside = (right < ASIDE or left > 1 - ASIDE) and not PLACED.search(ref.phrase.lower())
        return elsewhere(ref.phrase, (left + right) / 2, rng) if aside else None


def labelled_by_phrases(others: Mapping[str, Sequence[Ref]], known: Mapping[str, Photo]) -> dict[str, Photo]:
    """Photos that nobody labelled, as their phrases tell: a thing for every box whose phrase names one of the 80
    classes, boxes of one name that coincide once. What nobody speaks of may be there, too."""
    wanted = [path for path in others if path not in known]
    photos = {}
    for path, size in checks.sizes(wanted).items():
        if isinstance(size, EntryError):
            continue
        things = list[Thing]()
        for ref in others[path]:
            noun = names.noun_of(forms.bare(ref.phrase))
            if ref.box is None or noun == names.UNKNOWN:
                continue
            x1, y1, x2, y2 = ref.box
            box = (x1 / size[0], y1 / size[1], x2 / size[0], y2 / size[1])
            name = names.COCO80[noun]
            if not any(t.name == name and iou(t.box, box) > 0.5 for t in things):
                things.append(Thing(name, box, 1.0, True))
        photos[path] = Photo(path, *size, tuple(things), "", False, "train", None)
    return photos
