"""Synthetic landscapes, each with one trap, and one with all of them."""

from .toy_landscape import Knob, Library, Piece

PLAIN: Library = {
    "planner": {
        "middles": Piece(0.5, {"length": Knob(0.3, 0.6)}),
        "grid": Piece(0.9, {"spacing": Knob(0.4, 0.6, 0.3)}),
        "beam": Piece(1.0, {"width": Knob(0.5, 0.6, 0.3), "depth": Knob(0.3, 0.5, 0.3)}),
    },
    "cost": {"near": Piece(0.6), "pose": Piece(1.0, {"weight": Knob(0.3, 0.6, 0.3)})},
    "recovery": {"none": Piece(1.0), "wiggle": Piece(0.98, {"size": Knob(0.5, 0.5, 5.0)})},
}

LOOKS_WORSE: Library = {
    "navigator": {
        "straight": Piece(0.35),
        "detour": Piece(1.0, {"clearance": Knob(0.85, 0.25, 0.15), "speed": Knob(0.2, 0.6, 0.25)}),
        "wave": Piece(0.4, {"height": Knob(0.5, 0.6, 1.0)}),
    },
    "cost": {"near": Piece(0.8), "pose": Piece(1.0, {"weight": Knob(0.3, 0.6, 0.3)})},
    "filter": {"raw": Piece(1.0), "mean": Piece(0.9, {"window": Knob(0.5, 0.3, 0.5)})},
}

TOGETHER: Library = {
    "planner": {
        "middles": Piece(0.45),
        "search": Piece(1.0, {"depth": Knob(0.4, 0.6, 0.3)}, needs="contact", alone=0.3),
        "random": Piece(0.3, {"number": Knob(0.5, 0.5, 1.0)}),
    },
    "model": {
        "shift": Piece(0.9),
        "contact": Piece(0.95, {"friction": Knob(0.5, 0.6, 0.3)}, needs="search", alone=0.8),
    },
    "cost": {"near": Piece(0.8), "pose": Piece(1.0, {"weight": Knob(0.4, 0.6, 0.3)})},
}

EVERYTHING: Library = {
    "navigator": {
        "straight": Piece(0.4),
        "ring": Piece(0.9, {"clearance": Knob(0.3, 0.5, 0.4)}),
        "detour": Piece(1.0, {"margin": Knob(0.8, 0.3, 0.15), "turn": Knob(0.3, 0.5, 0.3)}),
    },
    "planner": {
        "middles": Piece(0.6, {"length": Knob(0.3, 0.5, 0.3)}),
        "search": Piece(1.0, {"depth": Knob(0.4, 0.6, 0.3), "fan": Knob(0.5, 0.6, 0.4)}, needs="contact", alone=0.4),
    },
    "model": {
        "shift": Piece(0.8),
        "contact": Piece(1.0, {"ratio": Knob(0.8, 0.35, 0.2, identified=True)}),
    },
    "cost": {"near": Piece(0.7), "pose": Piece(0.9, {"weight": Knob(0.4, 0.6, 0.3)}), "corner": Piece(1.0)},
    "lengths": {
        "fixed": Piece(0.8, {"size": Knob(0.4, 0.5, 0.4)}),
        "ladder": Piece(1.0, {"rungs": Knob(0.5, 0.6, 0.5)}),
    },
    "recovery": {"none": Piece(0.98), "wiggle": Piece(1.0, {"size": Knob(0.5, 0.5, 5.0)})},
    "estimator": {"raw": Piece(1.0), "smooth": Piece(0.95, {"gain": Knob(0.5, 0.8, 0.5)})},
}

LIBRARIES = {"plain": PLAIN, "looks_worse": LOOKS_WORSE, "together": TOGETHER, "everything": EVERYTHING}

TUNE: Library = {
    "planner": {
        "beam": Piece(1.0, {"width": Knob(0.3, 0.6, 0.3), "depth": Knob(0.3, 0.5, 0.3), "fan": Knob(0.5, 0.4, 0.6)})
    },
    "cost": {"pose": Piece(1.0, {"weight": Knob(0.2, 0.6, 0.3), "seat": Knob(0.7, 0.4, 0.4)})},
    "recovery": {"wiggle": Piece(0.98, {"size": Knob(0.5, 0.5, 5.0), "time": Knob(0.5, 0.5, 5.0)})},
}
LIBRARIES["tune"] = TUNE
