// What is drawn over the solids: frames, frustums, target and forces, as rods, cones and balls.

import { matrix, point } from "./renderer.js";

const RED = [0.93, 0.27, 0.24, 1], GREEN = [0.3, 0.8, 0.38, 1], BLUE = [0.3, 0.52, 1, 1];
const AMBER = [1, 0.72, 0.2, 1], TEAL = [0.36, 0.9, 0.62, 1], FORCE = [1, 0.25, 0.75, 1];
const M_PER_N = 0.012, MOST_M = 0.3;

const rod = (from, to, radius, colour) => ({ kind: "rod", from, to, radius, colour });

function frame(m, length, radius) {
  const at = point(m, [0, 0, 0]);
  return [[RED, [length, 0, 0]], [GREEN, [0, length, 0]], [BLUE, [0, 0, length]]]
    .map(([colour, end]) => rod(at, point(m, end), radius, colour));
}

function arrow(from, to, radius, colour) {
  const size = Math.hypot(...to.map((x, i) => x - from[i]));
  const share = Math.max(1 - (5 * radius) / size, 0.3);
  const neck = from.map((x, i) => x + (to[i] - x) * share);
  return [rod(from, neck, radius, colour), { kind: "cone", from: neck, to, radius: 2.4 * radius, colour }];
}

function frustum(m, { name, half_width, half_height }) {
  const depth = name === "top" ? 0.22 : 0.07;
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    .map(([x, y]) => point(m, [x * half_width * depth, y * half_height * depth, depth]));
  const eye = point(m, [0, 0, 0]);
  return corners.flatMap((corner, i) => [
    rod(eye, corner, 0.001, AMBER), rod(corner, corners[(i + 1) % 4], 0.001, AMBER),
  ]).concat([{ kind: "ball", from: eye, radius: 0.004, colour: AMBER }]);
}

// All marks of a frame, and labels [text, point].
// `distance` of the eye: lines are as thick on the screen, near or far.
export function marksOf(shapes, news, layers, distance) {
  const [marks, labels] = [[], []];
  shapes.cameras.forEach((camera, i) => {
    const m = matrix(news.cameras, i);
    if (layers.frustums) marks.push(...frustum(m, camera));
    if (layers.cameras) marks.push(...frame(m, 0.05, 0.0016));
    if (layers.frustums || layers.cameras) labels.push([camera.name, point(m, [0, 0, 0])]);
  });
  if (layers.tools)
    shapes.tools.forEach((name, i) => {
      const m = matrix(news.tools, i);
      marks.push(...frame(m, 0.06, 0.0016));
      labels.push([name, point(m, [0, 0, 0])]);
    });
  if (layers.target)
    for (const line of shapes.target) {
      line.forEach((p, i) => marks.push(rod(p, line[(i + 1) % line.length], 0.0008, TEAL)));
      const middle = [0, 1, 2].map((k) => line.reduce((sum, p) => sum + p[k], 0) / line.length);
      if (line === shapes.target[0]) labels.push(["target", middle]);
    }
  if (layers.forces)
    for (const [x, y, z, ...force] of news.contacts) {
      const size = Math.hypot(...force);
      const shown = Math.min(M_PER_N * size, MOST_M) / size;
      marks.push(...arrow([x, y, z], [x, y, z].map((v, i) => v + force[i] * shown), 0.0013, FORCE));
      if (size > 1.5) labels.push([`${size.toFixed(1)} N`, [x, y, z].map((v, i) => v + force[i] * shown)]);
    }
  const thick = Math.min(distance / 1.6, 1.5);
  for (const mark of marks) mark.radius *= thick;
  return { marks, labels };
}
