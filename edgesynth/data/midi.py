"""Standard MIDI files of single notes in equal slots, and General MIDI's program names."""

from __future__ import annotations

import struct
from dataclasses import dataclass

TICKS = 500
"""Ticks a quarter note; at 120 beats a minute a tick is 1 ms."""

NAMES: tuple[str, ...] = tuple("""
acoustic-grand-piano bright-acoustic-piano electric-grand-piano honky-tonk-piano electric-piano-1
electric-piano-2 harpsichord clavinet celesta glockenspiel music-box vibraphone marimba xylophone
tubular-bells dulcimer drawbar-organ percussive-organ rock-organ church-organ reed-organ accordion
harmonica tango-accordion nylon-guitar steel-guitar jazz-guitar clean-guitar muted-guitar
overdriven-guitar distortion-guitar guitar-harmonics acoustic-bass fingered-bass picked-bass
fretless-bass slap-bass-1 slap-bass-2 synth-bass-1 synth-bass-2 violin viola cello contrabass
tremolo-strings pizzicato-strings orchestral-harp timpani string-ensemble-1 string-ensemble-2
synth-strings-1 synth-strings-2 choir-aahs voice-oohs synth-voice orchestra-hit trumpet trombone
tuba muted-trumpet french-horn brass-section synth-brass-1 synth-brass-2 soprano-sax alto-sax
tenor-sax baritone-sax oboe english-horn bassoon clarinet piccolo flute recorder pan-flute
blown-bottle shakuhachi whistle ocarina square-lead sawtooth-lead calliope-lead chiff-lead
charang-lead voice-lead fifths-lead bass-lead new-age-pad warm-pad polysynth-pad choir-pad
bowed-pad metallic-pad halo-pad sweep-pad rain soundtrack crystal atmosphere brightness goblins
echoes sci-fi sitar banjo shamisen koto kalimba bagpipe fiddle shanai tinkle-bell agogo
steel-drums woodblock taiko-drum melodic-tom synth-drum reverse-cymbal guitar-fret-noise
breath-noise seashore bird-tweet telephone-ring helicopter applause gunshot
""".split())


@dataclass(frozen=True)
class Played:
    """A note: key and velocity (0 to 127), held for `seconds`."""

    key: int
    velocity: int
    seconds: float


def _length(value: int) -> bytes:
    """A variable-length quantity: seven bits a byte, high bit set on all but the last."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, 0x80 | (value & 0x7F))
    return bytes(out)


def song(program: int, played: list[Played], slot: float) -> bytes:
    """A format 0 file: note i starts at i * slot seconds; the last slot is rung out in full."""
    events: list[tuple[int, bytes]] = [(0, bytes([0xC0, program]))]
    for i, note in enumerate(played):
        start = round(i * slot * 1000.0)
        events.append((start, bytes([0x90, note.key, note.velocity])))
        events.append((start + round(note.seconds * 1000.0), bytes([0x80, note.key, 0])))
    events.append((round(len(played) * slot * 1000.0), b"\xff\x2f\x00"))
    track, now = bytearray(), 0
    for at, message in sorted(events, key=lambda event: event[0]):
        track += _length(at - now) + message
        now = at
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS)
    return header + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)
