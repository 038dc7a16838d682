"""The public data sets that the trainer reads: what each consists of, where it comes from, and the published hashes.

Hashes of COCO and Pascal VOC are those that torchvision publishes; those of REFER's archives, whose own server is
mostly away, and of Visual Genome's image data agree among several projects that say what they downloaded. For the
others none was found.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One file to download."""

    name: str  # as it is kept
    source: str  # its address, or that of a git repository that holds it, or the page that says how to get it
    digest: str = ""  # "sha256:..." or "md5:..." as published
    into: str = "."  # folder to unpack it into, below the one that is checked
    page: bool = False  # source is a page, where one has to ask or to choose

    @property
    def packed(self) -> bool:
        """Whether it has to be unpacked."""
        return self.name.endswith((".zip", ".tar"))


@dataclass(frozen=True)
class Part:
    """Files that belong together."""

    what: str
    files: tuple[str, ...]  # patterns for the end of a path, as in a shell; each must be there
    archives: tuple[Archive, ...]
    count: int = 0  # files of the first pattern, as published; 0: at least one


@dataclass(frozen=True)
class DataSet:
    """What `ca2m convert` needs for one set."""

    name: str
    parts: tuple[Part, ...]
    convert: str  # the command; {refs} and {root}: file and folder of the first part, {images}: folder of the last


_COCO = "http://images.cocodataset.org"
_UNC = "bvisionweb1.cs.unc.edu/licheng/referit/data"
_KEPT = "https://web.archive.org/web"
_VG = "https://homes.cs.washington.edu/~ranjay/visualgenome/data/dataset"
_STANFORD = "https://cs.stanford.edu/people/rak248/VG_100K_2"

TRAIN2014 = Part(
    "COCO train2014 photos",
    ("train2014/COCO_train2014_*.jpg",),
    (
        Archive(
            "train2014.zip",
            f"{_COCO}/zips/train2014.zip",
            "sha256:ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
        ),
    ),
    82_783,
)
TRAIN2017 = Part(
    "COCO train2017 photos",
    ("train2017/*.jpg",),
    (
        Archive(
            "train2017.zip",
            f"{_COCO}/zips/train2017.zip",
            "sha256:69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        ),
    ),
    118_287,
)


def _refer(name: str, refs: str, stamp: str, digest: str = "") -> Part:
    """The references of one set of REFER, from the Internet Archive's copy of that day."""
    archive = Archive(f"{name}.zip", f"{_KEPT}/{stamp}id_/https://{_UNC}/{name}.zip", digest)
    return Part(f"{name} references", (f"{name}/{refs}", f"{name}/instances.json"), (archive,))


SAIAPR = Part(
    "SAIAPR TC-12 photos",
    ("saiapr_tc-12/*.jpg",),
    (Archive("saiapr_tc-12.zip", f"{_KEPT}/20220515000000id_/http://{_UNC}/images/saiapr_tc-12.zip"),),
)
_COCOG = _refer(
    "refcocog",
    "refs(umd).p",
    "20220413012904",
    "sha256:3d1f7e5b2ff2205940bf59de55f861f5f2cc1403fb980669933a7f9af1aa8211",
)
_REFER = "ca2m convert refer {refs} --images {images} --out"

SETS = (
    DataSet(
        "RefCOCO",
        (
            _refer(
                "refcoco",
                "refs(unc).p",
                "20220413011718",
                "sha256:7f924bb7ed8dc4568058e4ff626281918d56e5206f4c868c5a80f088f38c8bf0",
            ),
            TRAIN2014,
        ),
        f"{_REFER} refcoco.jsonl",
    ),
    DataSet(
        "RefCOCO+",
        (
            _refer(
                "refcoco+",
                "refs(unc).p",
                "20220413011656",
                "sha256:5f1238112d63199e68da54a28f201471909b21ded7ed79a57d51b4c1443c6b45",
            ),
            TRAIN2014,
        ),
        f"{_REFER} refcoco+.jsonl",
    ),
    DataSet("RefCOCOg (umd)", (_COCOG, TRAIN2014), f"{_REFER} refcocog.jsonl"),
    DataSet(
        "RefCOCOg (google)",
        (Part(_COCOG.what, ("refcocog/refs(google).p", _COCOG.files[1]), _COCOG.archives), TRAIN2014),
        f"{_REFER} refcocog-google.jsonl",
    ),
    DataSet(
        "ReferIt (RefCLEF)",
        (
            _refer("refclef", "refs(berkeley).p", "20220413011817"),
            SAIAPR,
        ),
        "ca2m convert refer {refs} --images {images} --out referit.jsonl",
    ),
    DataSet(
        "ReferIt (TransVG's lists)",
        (
            Part(
                "lists of ReferIt",
                ("referit/referit_trainval.pth", "referit/referit_test.pth"),
                (Archive("referit", "https://github.com/djiajunustc/TransVG", page=True),),
            ),
            SAIAPR,
        ),
        "ca2m convert transvg {root}/referit_trainval.pth {root}/referit_test.pth --images {images} "
        "--out referit.jsonl",
    ),
    DataSet(
        "SeqTR's merged set",
        (
            Part(
                "SeqTR's merged annotations",
                ("mixed/instances.json",),
                (Archive("mixed", "https://github.com/seanzhuh/SeqTR", page=True),),
            ),
            Part(
                "photos as SeqTR lays them out",
                ("mscoco/train2014/COCO_train2014_*.jpg", "flickr30k/*.jpg", "saiaprtc12/*.jpg", "visual-genome/*.jpg"),
                (Archive("photos", "https://github.com/seanzhuh/SeqTR", page=True),),
                82_783,
            ),
        ),
        "ca2m convert seqtr {refs} --images {images}/../.. --out mixed.jsonl",
    ),
    DataSet(
        "gRefCOCO",
        (
            Part(
                "gRefCOCO references",
                ("grefcoco/grefs(unc).json", "grefcoco/instances.json"),
                (Archive("grefcoco", "https://github.com/henghuiding/gRefCOCO", page=True),),
            ),
            TRAIN2014,
        ),
        f"{_REFER} grefcoco.jsonl",
    ),
    DataSet(
        "Visual Genome",
        (
            Part(
                "Visual Genome regions",
                ("region_descriptions.json", "image_data.json"),
                (
                    Archive("region_descriptions.json.zip", f"{_VG}/region_descriptions.json.zip"),
                    Archive(
                        "image_data.json.zip",
                        f"{_VG}/image_data.json.zip",
                        "sha256:b87a94918cb2ff4d952cf1dfeca0b9cf6cd6fd204c2f8704645653be1163681a",
                    ),
                ),
            ),
            Part(
                "Visual Genome photos",
                ("VG_100K*/*.jpg",),
                (
                    Archive("images.zip", f"{_STANFORD}/images.zip"),
                    Archive("images2.zip", f"{_STANFORD}/images2.zip"),
                ),
                108_077,
            ),
        ),
        "ca2m convert genome {refs} --images {images} --out vg.jsonl",
    ),
    DataSet(
        "Flickr30k Entities",
        (
            Part(
                "Flickr30k Entities",
                ("Sentences/*.txt", "Annotations/*.xml", "train.txt", "val.txt", "test.txt"),
                (
                    Archive(
                        "annotations.zip",
                        "https://github.com/BryanPlummer/flickr30k_entities.git",
                        into="flickr30k_entities",
                    ),
                ),
                31_783,
            ),
            Part(
                "Flickr30k photos",
                ("flickr30k[-_]images/*.jpg",),
                (Archive("flickr30k-images.tar", "https://shannon.cs.illinois.edu/DenotationGraph/", page=True),),
                31_783,
            ),
        ),
        "ca2m convert flickr {root} --images {images} --out flickr.jsonl",
    ),
    DataSet(
        "COCO instances",
        (
            Part(
                "COCO 2017 annotations",
                ("annotations/instances_train2017.json",),
                (
                    Archive(
                        "annotations_trainval2017.zip",
                        f"{_COCO}/annotations/annotations_trainval2017.zip",
                        "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
                    ),
                ),
            ),
            TRAIN2017,
        ),
        "ca2m convert coco {refs} --images {images} --each 3 --out coco.jsonl",
    ),
    DataSet(
        "Pascal VOC 2012",
        (
            Part(
                "Pascal VOC 2012",
                ("VOC2012/Annotations/*.xml", "VOC2012/JPEGImages/*.jpg"),
                (
                    Archive(
                        "VOCtrainval_11-May-2012.tar",
                        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                        "md5:6cd6e144f989b92b3379bac3b3de84fd",
                    ),
                ),
                17_125,
            ),
        ),
        "ca2m convert voc {root} --each 3 --out voc.jsonl",
    ),
)
