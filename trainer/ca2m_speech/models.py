"""Which models hear, and what speech.json says of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ca2m_speech.fetch import Wheel

FORMAT = 1


@dataclass(frozen=True)
class Recipe:
    """How one recogniser becomes a folder that the program reads."""

    name: str
    language: str  # ISO 639-1
    wheels: tuple[Wheel, ...]
    rewrite: tuple[str, ...]  # members whose matrix products become eight-bit ones: x.ort -> x.onnx
    start: int = 1  # token that a phrase begins with
    end: int = 2
    pad: float = 0.5  # silence on each side, seconds
    min_logprob: float = -1.2  # mean of a token; below is no speech
    tokens_per_second: float = 6.5  # a phrase has no more
    licences: tuple[dict[str, str], ...] = field(default_factory=tuple)


SILERO = Wheel(
    package="silero-vad==6.2.3",
    file="silero_vad-6.2.3-py3-none-any.whl",
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    platform="",
    members={"vad.onnx": "silero_vad/data/silero_vad_16k_op15.onnx"},
    licence="silero_vad-6.2.3.dist-info/licenses/LICENSE",
)

_BASE = "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp"
_TINY = "moonshine_voice/assets/tiny-en"

MODELS = {
    "base-en": Recipe(
        name="moonshine-base-en",
        language="en",
        wheels=(
            Wheel(
                package="moonshine-cpp==0.1.4",
                file="moonshine_cpp-0.1.4-py3-none-manylinux2014_x86_64.whl",
                sha256="f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
                platform="manylinux2014_x86_64",
                members={
                    "encoder.ort": f"{_BASE}/models/base-en/encoder_model.ort",
                    "decoder.ort": f"{_BASE}/models/base-en/decoder_model_merged.ort",
                    "tokenizer.bin": f"{_BASE}/models/base-en/tokenizer.bin",
                },
                licence=f"{_BASE}/LICENSE",
            ),
            SILERO,
        ),
        rewrite=("encoder.ort", "decoder.ort"),
        licences=(
            {"what": "Moonshine base-en (Useful Sensors), English speech to text", "licence": "MIT"},
            {"what": "Silero VAD (Silero Team), voice detection", "licence": "MIT"},
        ),
    ),
    "tiny-en": Recipe(
        name="moonshine-tiny-en",
        language="en",
        wheels=(
            Wheel(
                package="moonshine-voice==0.0.4",
                file="moonshine_voice-0.0.4-py3-none-manylinux_2_35_x86_64.whl",
                sha256="3972597eb3e38fed1b71cac7addda9990dfdaee79e8979246803542e66334ab1",
                platform="manylinux_2_35_x86_64",
                members={
                    "encoder.ort": f"{_TINY}/encoder_model.ort",
                    "decoder.ort": f"{_TINY}/decoder_model_merged.ort",
                    "tokenizer.bin": f"{_TINY}/tokenizer.bin",
                },
                licence="moonshine_voice-0.0.4.dist-info/licenses/LICENSE",
            ),
            SILERO,
        ),
        rewrite=(),
        licences=(
            {"what": "Moonshine tiny-en (Useful Sensors), English speech to text", "licence": "MIT"},
            {"what": "Silero VAD (Silero Team), voice detection", "licence": "MIT"},
        ),
    ),
}
