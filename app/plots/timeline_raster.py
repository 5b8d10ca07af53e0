"""A timeline as pixels, made by numpy for a whole view at once: what is out of sight costs nothing, what is dense is added up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from app.plots.timeline_span import Span
from app.tokens import Tokens
from profiler.analysis.timeline import DECODING, OWN_PREFILL, PREFILL_WAITS, QUEUED, Lane
from profiler.analysis.timeline_tracks import Track

Rgb = NDArray[np.float32]
Argb = NDArray[np.uint32]

QUEUE_SERIES, PROMPT_SERIES, WAITS_SERIES, TOKEN_SERIES = None, 1, 3, 0
_DECODE_TINT = 0.28
_HATCH_PX = 4


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme as numbers from 0 to 255."""

    ground: Rgb
    band: Rgb
    queued: Rgb
    prompt: Rgb
    waits: Rgb
    decode: Rgb
    token: Rgb
    series: tuple[Rgb, ...]
    unknown: Rgb

    @classmethod
    def of(cls, colors: Tokens) -> "Palette":
        """Of a theme."""
        ground, token = _rgb(colors.surface), _rgb(colors.series[TOKEN_SERIES])
        return cls(
            ground,
            _rgb(colors.grid),
            _rgb(colors.muted),
            _rgb(colors.series[PROMPT_SERIES]),
            _rgb(colors.series[WAITS_SERIES]),
            ground + (token - ground) * np.float32(_DECODE_TINT),
            token,
            tuple(_rgb(each) for each in colors.series),
            _rgb(colors.line),
        )


def pixel_edges_ns(span: Span, width_px: int) -> NDArray[np.int64]:
    """Where each pixel begins, and where the last one ends."""
    return np.round(np.linspace(span.start_ns, span.end_ns, width_px + 1)).astype(np.int64)


def lanes_pixels(lanes: Sequence[Lane], span: Span, width_px: int, lane_px: int, palette: Palette) -> Argb:
    """Lanes below each other, `lane_px` each with a line of air: one row of Qt's 32-bit colours for each row of pixels.

    Colour is not all that tells states apart: the queue is a thin line, a prompt that is read fills its lane, one that waits is a
    hatched band, decoding is a pale band, and each token a stroke from its foot up. Where several tokens fall on a pixel their
    stroke is as high as they are many beside the most in sight.
    """
    count, tall = len(lanes), max(lane_px - 1, 1)
    pixels = np.full((count, lane_px, width_px), _argb(palette.ground), np.uint32)
    if not count:
        return pixels.reshape(0, width_px)
    edges_ns = pixel_edges_ns(span, width_px)
    shares = np.stack([lane.shares(edges_ns) for lane in lanes]).astype(np.float32)
    tokens = np.stack([lane.tokens_within(edges_ns) for lane in lanes])
    hatch = (np.arange(width_px) % _HATCH_PX < _HATCH_PX // 2).astype(np.float32)
    queued, prompt, waits, decoding = (shares[:, state - QUEUED, :, None] for state in _STATES)
    full = palette.ground + prompt * (palette.prompt - palette.ground)
    band = full + (waits * hatch[None, :, None]) * (palette.waits - palette.ground)
    band += decoding * (palette.decode - palette.ground)
    line = band + queued * (palette.queued - palette.ground)
    inset, middle = tall // 4, tall // 2
    pixels[:, :tall] = _argb(full)[:, None]
    pixels[:, inset : tall - inset] = _argb(band)[:, None]
    pixels[:, max(middle - (1 if tall > 6 else 0), 0) : middle + 1] = _argb(line)[:, None]
    most = int(tokens.max())
    if most:
        feet = tall - np.ceil(tokens * (tall / most)).astype(np.int8)
        stroke = _argb(palette.token)
        for row in range(tall):
            np.copyto(pixels[:, row], stroke, where=feet <= row)
    return pixels.reshape(count * lane_px, width_px)


def track_pixels(track: Track, span: Span, width_px: int, height_px: int, palette: Palette, series: int) -> Argb:
    """A track as filled columns from 0 to its highest value of the run; hatched where it is not known."""
    pixels = np.full((height_px, width_px), _argb(palette.ground), np.uint32)
    means = track.means(pixel_edges_ns(span, width_px))
    tall = height_px - 2
    if track.highest > 0:
        feet = tall - np.ceil(np.nan_to_num(means) * (tall / track.highest)).astype(np.int16)
        np.copyto(pixels[1:-1], _argb(palette.series[series]), where=np.arange(tall, dtype=np.int16)[:, None] >= feet)
    is_unknown = np.isnan(means)
    if is_unknown.any():
        x, y = np.arange(width_px)[None, :], np.arange(height_px)[:, None]
        pixels[is_unknown[None, :] & ((x + y) % 6 == 0)] = _argb(palette.unknown)
    pixels[-1] = _argb(palette.band)
    return pixels


def _argb(color: Rgb) -> Argb:
    """Levels from 0 to 255 in the last dimension, as Qt's 32-bit colours."""
    levels = np.clip(color, 0, 255).astype(np.uint32)
    return np.asarray(np.uint32(0xFF000000) | levels[..., 0] << np.uint32(16) | levels[..., 1] << np.uint32(8) | levels[..., 2])


_STATES = (QUEUED, OWN_PREFILL, PREFILL_WAITS, DECODING)


def _rgb(name: str) -> Rgb:
    color = QColor(name)
    return np.array([color.red(), color.green(), color.blue()], np.float32)
