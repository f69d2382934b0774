"""Identify model parameters from logged episodes: `python train.py DATA_FOLDER`.

Reads `*.npz` files with `observation.state` (N or N+1, 5) as the policy saw it and `action` (N, 2) as it was sent, fits
every parameter that a block in use declares with `source = "identified"`, and writes the values into `blocks/*.toml`.
The task's description is read from `task.json`, in the data folder or beside this file.

The fits are least squares with Huber's loss on what a block itself predicts over many steps (output error), so that
sensor noise hardly biases them. The observation delay is the one under which the pusher model fits best.
"""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import parameters
import policy
from geometry import Array, Scene, read_scene, to_world, wrap

DELAYS = range(4)
"""Observation delays that are tried, control periods."""
WINDOW = 6
"""Longest stretch of contact that is predicted in one go, control periods."""
REST = 8
"""Readings of a resting block that are averaged at most."""
WINDOWS = 200
"""Stretches of contact that are used at most; with fewer than a tenth of it the push model is left alone."""
FAR = 1e6
"""Where an absent pusher stands, px."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """One episode: readings (N, 5) in the order pusher x, y, block x, y, yaw, and the commands (N, 2) that followed."""

    readings: Array
    commands: Array


def main(folder: Path) -> int:
    """Fit and write, and say what was done. Returns the exit status."""
    described = [path for path in (folder / "task.json", Path(__file__).parent / "task.json") if path.exists()]
    if not described:
        print("no task.json in the data folder or beside train.py: the scene is unknown")
        return 2
    scene = read_scene(json.loads(described[0].read_text()))
    tracks = load(folder, scene)
    wanted = {slot: identified(slot) for slot in (policy.Pusher, policy.PushModel, policy.Estimator)}
    if not tracks or not any(wanted.values()):
        print("nothing to identify:", "no block in use declares identified parameters" if tracks else "no episodes")
        return 0
    if not wanted[policy.Pusher]:
        print("nothing to identify: it begins with the pusher, and the pusher block in use has nothing to fit")
        return 0
    gains, delay, noise_px, centres = fit_pusher(scene, tracks, wanted[policy.Pusher])
    write(policy.Pusher, gains)
    print(f"pusher: residual {noise_px:.3g} px; observations are {delay} periods late")
    yaw_noise = resting_yaw_noise(scene, tracks, centres, delay, noise_px)
    sensor = {"delay": float(delay), "position_noise": noise_px / scene.pusher_radius, "yaw_noise": yaw_noise}
    write(policy.Estimator, {name: sensor[name] for name in wanted[policy.Estimator] if name in sensor})
    if wanted[policy.PushModel]:
        fit_push_model(scene, contact_windows(scene, tracks, centres, delay, noise_px), wanted[policy.PushModel])
    return 0


def load(folder: Path, scene: Scene) -> list[Track]:
    """Episodes of at least five steps, in the order of their file names."""
    tracks = []
    for path in sorted(folder.glob("**/*.npz")):
        with np.load(path) as data:
            states, actions = data["observation.state"], data["action"]
        count = min(len(states), len(actions))
        if count >= 5 and np.isfinite(states[:count]).all() and np.isfinite(actions[:count]).all():
            readings = np.asarray(states[:count], float)[:, list(scene.columns)]
            tracks.append(Track(readings=readings, commands=scene.clip(np.asarray(actions[:count], float))))
    return tracks


def identified(block: type) -> dict[str, dict[str, Any]]:
    """Declarations of the block's parameters that are to be identified."""
    declared = parameters.header(block.__module__.rpartition(".")[2]).get("parameters", {})
    return {name: entry for name, entry in declared.items() if entry["source"] == "identified"}


def fit_pusher(
    scene: Scene, tracks: list[Track], declared: dict[str, dict[str, Any]]
) -> tuple[dict[str, float], int, float, list[Array]]:
    """Best gains, delay in periods, residual (px per axis), and the pusher's way (N, n, 2) in every episode."""
    longest = max(len(track.commands) for track in tracks)
    commands = np.stack([_padded(track.commands, longest) for track in tracks])  # (E, N, 2)
    seen = np.stack([_padded(track.readings[:, :2], longest) for track in tracks])
    real = np.arange(longest) < np.array([len(track.commands) for track in tracks])[:, None]
    given = parameters.values(policy.Pusher)

    def simulate(values: dict[str, float]) -> Array:
        pusher = policy.Pusher(scene, {**given, **values})
        position, velocity, ways = seen[:, 0], np.zeros((len(tracks), 2)), []
        for step in range(longest):
            way, velocity = pusher.predict(position, velocity, commands[:, step])
            position = way[:, -1]
            ways.append(way)
        return np.stack(ways, axis=1)  # (E, N, n, 2)

    def residual(values: dict[str, float], delay: int) -> Array:
        ends = np.concatenate([seen[:, :1], simulate(values)[:, :-1, -1]], axis=1)
        shown = np.concatenate([np.repeat(ends[:, :1], delay, axis=1), ends[:, : longest - delay]], axis=1)
        return (shown - seen)[real].ravel()

    fits = []
    for delay in DELAYS:
        values, loss = fit(lambda values, delay=delay: residual(values, delay), declared)
        fits.append((loss, delay, values))
    _, delay, values = min(fits, key=lambda entry: entry[0])
    ways = simulate(values)
    walked = [way[: len(track.commands)] for way, track in zip(ways, tracks, strict=True)]
    return values, delay, _spread(residual(values, delay)), walked


def _padded(rows: Array, length: int) -> Array:
    return np.concatenate([rows, np.repeat(rows[-1:], length - len(rows), axis=0)])


def _untouched(scene: Scene, way: Array, blocks: Array, noise_px: float) -> Array:
    """For each of the first N-1 periods, whether the pusher on its way (N, n, 2) stayed clear of the block (N, 3)."""
    clear = np.full(len(blocks) - 1, np.inf)
    steady = blocks
    if noise_px > 0.02 * scene.pusher_radius:  # median of five readings, where noise would pass for contact
        unwrapped = np.column_stack([blocks[:, :2], np.unwrap(blocks[:, 2])])
        padded = np.pad(unwrapped, ((2, 2), (0, 0)), mode="edge")
        steady = np.median([padded[shift : shift + len(blocks)] for shift in range(5)], axis=0)
    for pose in (steady[:-1], steady[1:]):
        spread = np.repeat(pose, way.shape[1], axis=0)
        clearance = scene.clearance(way[: len(pose)].reshape(-1, 2), spread).reshape(len(pose), -1)
        clear = np.minimum(clear, clearance.min(axis=1))
    return clear > 1.1 * scene.pusher_radius + noise_px


def resting_yaw_noise(scene: Scene, tracks: list[Track], ways: list[Array], delay: int, noise_px: float) -> float:
    """Standard deviation of single yaw readings of a resting block, rad."""
    changes = [np.zeros(0)]
    for track, way in zip(tracks, ways, strict=True):
        blocks = track.readings[delay:, 2:]
        if len(blocks) > 1:
            changes.append(wrap(np.diff(blocks[:, 2]))[_untouched(scene, way, blocks, noise_px)])
    return _spread(np.concatenate(changes)) / np.sqrt(2.0)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Stretches of contact: block poses (K, 3) before and after, and the pusher's centres (K, S, 2) in between."""

    before: Array
    after: Array
    centres: Array


def contact_windows(scene: Scene, tracks: list[Track], ways: list[Array], delay: int, noise_px: float) -> Windows:
    """Stretches of at most WINDOW periods; readings of a block at rest before or after are averaged."""
    found = []
    for track, way in zip(tracks, ways, strict=True):
        blocks = track.readings[delay:, 2:].copy()
        if len(blocks) < 2:
            continue
        blocks[:, 2] = np.unwrap(blocks[:, 2])
        rest = _untouched(scene, way, blocks, noise_px)
        step = 0
        while step < len(rest):
            if rest[step]:
                step += 1
                continue
            stop = step
            while stop < len(rest) and not rest[stop] and stop - step < WINDOW:
                stop += 1
            first, last = step, stop
            while first > 0 and rest[first - 1] and step - first < REST:
                first -= 1
            while last < len(rest) and rest[last] and last - stop < REST:
                last += 1
            begin = way[step - 1, -1:] if step else track.readings[:1, :2]
            centres = np.concatenate([begin, way[step:stop, 1::2].reshape(-1, 2)])
            found.append((blocks[first : step + 1].mean(axis=0), blocks[stop : last + 1].mean(axis=0), centres))
            step = stop
    keep = np.unique(np.linspace(0, len(found) - 1, WINDOWS).astype(int)) if found else []
    chosen = [found[index] for index in keep]
    longest = max((len(centres) for _, _, centres in chosen), default=1)
    away = [np.vstack([centres, np.full((longest - len(centres), 2), FAR)]) for _, _, centres in chosen]
    return Windows(
        before=np.array([entry[0] for entry in chosen]).reshape(-1, 3),
        after=np.array([entry[1] for entry in chosen]).reshape(-1, 3),
        centres=np.array(away).reshape(len(chosen), longest, 2),
    )


def fit_push_model(scene: Scene, windows: Windows, declared: dict[str, dict[str, Any]]) -> None:
    """Fit to the windows and write, unless contacts are too few or the fit is no better than the values in force."""
    if len(windows.before) < WINDOWS // 10:
        print(f"push model: only {len(windows.before)} stretches of contact, values left alone")
        return
    given = parameters.values(policy.PushModel)

    def residual(values: dict[str, float]) -> Array:
        model, blocks = policy.PushModel(scene, {**given, **values}), windows.before
        for step in range(1, windows.centres.shape[1]):
            motion = windows.centres[:, step] - windows.centres[:, step - 1]
            blocks = model.advance(blocks, windows.centres[:, step], motion)
        shift = to_world(blocks, scene.centroid) - to_world(windows.after, scene.centroid)
        turn = wrap(blocks[:, 2] - windows.after[:, 2]) * scene.gyration_radius
        return np.concatenate([shift[:, 0], shift[:, 1], turn])

    values, _ = fit(residual, declared)
    old, new = _spread(residual({})), _spread(residual(values))
    print(f"push model: {len(windows.before)} stretches of contact, residual {old:.3g} px before, {new:.3g} px after")
    if new < old:
        write(policy.PushModel, values)


def fit(
    residual: Callable[[dict[str, float]], Array], declared: dict[str, dict[str, Any]]
) -> tuple[dict[str, float], float]:
    """Values within their bounds that minimise Huber's loss, and the loss, by Levenberg and Marquardt's method.

    Starts from the declared values and from the middle of the bounds.
    """
    names = list(declared)
    log = np.array([declared[name]["scale"] == "log" for name in names])
    bounds = np.array([[declared[name]["low"], declared[name]["high"]] for name in names], float)
    low, high = np.where(log[:, None], np.log(np.maximum(bounds, 1e-12)), bounds).T

    def decode(unit: Array) -> dict[str, float]:
        point = low + np.clip(unit, 0.0, 1.0) * (high - low)
        return dict(zip(names, np.where(log, np.exp(point), point).tolist(), strict=True))

    def loss(errors: Array, scale: float) -> float:
        size = np.abs(errors) / scale
        return float(np.mean(np.where(size < 1.5, size**2 / 2, 1.5 * size - 1.125)) * scale**2)

    given = np.array([float(declared[name]["value"]) for name in names])
    first = (np.where(log, np.log(np.maximum(given, 1e-12)), given) - low) / (high - low)
    best: tuple[float, Array] = (np.inf, first)
    for start in (first, np.full(len(names), 0.5)):
        unit, damping = np.clip(start, 0.02, 0.98), 1e-3
        errors = residual(decode(unit))
        for _ in range(20):
            scale = max(_spread(errors), 1e-6)
            weight = np.minimum(1.0, 1.5 * scale / np.maximum(np.abs(errors), 1e-12))
            slope = []
            for index in range(len(names)):
                step = 1e-3 if unit[index] < 0.5 else -1e-3
                nudged = unit.copy()
                nudged[index] += step
                slope.append((residual(decode(nudged)) - errors) / step)
            jacobian = np.array(slope).T
            normal, gradient = jacobian.T * weight @ jacobian, jacobian.T @ (weight * errors)
            damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
            trial = np.clip(unit - np.linalg.solve(damped, gradient), 0.0, 1.0)
            trial_errors = residual(decode(trial))
            if loss(trial_errors, scale) < loss(errors, scale):
                moved = float(np.abs(trial - unit).max())
                unit, errors, damping = trial, trial_errors, damping / 5
                if moved < 1e-4:
                    break
            else:
                damping *= 5
                if damping > 1e4:
                    break
        final = loss(errors, max(_spread(errors), 1e-6))
        best = min(best, (final, unit), key=lambda entry: entry[0])
    return decode(best[1]), best[0]


def _spread(values: Array) -> float:
    """Robust standard deviation about zero, from the median absolute value; 0 for no values."""
    return float(1.4826 * np.median(np.abs(values))) if len(values) else 0.0


def write(block: type, values: dict[str, float]) -> None:
    """Put values, rounded to four figures and within their bounds, into the block's declaration."""
    name = block.__module__.rpartition(".")[2]
    path = parameters.FOLDER / f"{name}.toml"
    text, declared = path.read_text(), parameters.header(name).get("parameters", {})
    for key, value in values.items():
        kept = min(max(float(f"{value:.4g}"), declared[key]["low"]), declared[key]["high"])
        text = re.sub(rf"(\[parameters\.{key}\]\nvalue = )\S+", rf"\g<1>{float(kept)}", text)
        print(f"{name}.{key} = {float(kept)} {declared[key]['unit']}")
    path.write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python train.py DATA_FOLDER")
    sys.exit(main(Path(sys.argv[1])))
