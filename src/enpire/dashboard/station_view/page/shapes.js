// Triangles of MuJoCo's shapes: {positions, normals}, three numbers per corner, metres, in the frame of the geom.

const RING = 28;

class Triangles {
  constructor() { this.positions = []; this.normals = []; }
  corner(p, n) { this.positions.push(...p); this.normals.push(...n); }
  quad(a, b, c, d) { for (const [p, n] of [a, b, c, a, c, d]) this.corner(p, n); }
  // A strip between two rings, each a function of the angle giving [point, normal].
  band(lower, upper, count = RING) {
    for (let i = 0; i < count; i++) {
      const [s, t] = [i, i + 1].map((k) => (2 * Math.PI * k) / count);
      this.quad(lower(s), lower(t), upper(t), upper(s));
    }
  }
}

const circle = (radius, height, normal) => (angle) => {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [[radius * c, radius * s, height], normal(c, s)];
};

function dome(shape, radii, middle, from, to, rings = 7) {
  for (let i = 0; i < rings; i++) {
    const at = (k) => from + ((to - from) * k) / rings;
    const ring = (latitude) => (angle) => {
      const u = [Math.cos(latitude) * Math.cos(angle), Math.cos(latitude) * Math.sin(angle), Math.sin(latitude)];
      const n = u.map((x, k) => x / radii[k]);
      const size = Math.hypot(...n);
      return [[u[0] * radii[0], u[1] * radii[1], middle + u[2] * radii[2]], n.map((x) => x / size)];
    };
    shape.band(ring(at(i)), ring(at(i + 1)));
  }
}

function box([x, y, z]) {
  const shape = new Triangles();
  for (const axis of [0, 1, 2]) {
    for (const side of [-1, 1]) {
      const half = [x, y, z];
      const normal = [0, 0, 0];
      normal[axis] = side;
      const at = (a, b) => {
        const p = [0, 0, 0];
        p[axis] = side * half[axis];
        p[(axis + 1) % 3] = a * half[(axis + 1) % 3];
        p[(axis + 2) % 3] = b * half[(axis + 2) % 3];
        return [p, normal];
      };
      if (side > 0) shape.quad(at(-1, -1), at(1, -1), at(1, 1), at(-1, 1));
      else shape.quad(at(-1, -1), at(-1, 1), at(1, 1), at(1, -1));
    }
  }
  return shape;
}

function cylinder([radius, half], tip = radius) {
  const shape = new Triangles();
  const slope = (radius - tip) / (2 * half);
  const size = Math.hypot(1, slope);
  const side = (c, s) => [c / size, s / size, slope / size];
  shape.band(circle(radius, -half, side), circle(tip, half, side));
  shape.band(circle(0, -half, () => [0, 0, -1]), circle(radius, -half, () => [0, 0, -1]));
  if (tip > 0) shape.band(circle(tip, half, () => [0, 0, 1]), circle(0, half, () => [0, 0, 1]));
  return shape;
}

function capsule([radius, half]) {
  const shape = new Triangles();
  const side = (c, s) => [c, s, 0];
  shape.band(circle(radius, -half, side), circle(radius, half, side));
  dome(shape, [radius, radius, radius], half, 0, Math.PI / 2);
  dome(shape, [radius, radius, radius], -half, -Math.PI / 2, 0);
  return shape;
}

function ellipsoid(radii) {
  const shape = new Triangles();
  dome(shape, radii, 0, -Math.PI / 2, Math.PI / 2, 14);
  return shape;
}

function plane([x, y]) {
  const shape = new Triangles();
  const [a, b] = [x || 5, y || 5]; // 0 means without end
  const at = (p, q) => [[p * a, q * b, 0], [0, 0, 1]];
  shape.quad(at(-1, -1), at(1, -1), at(1, 1), at(-1, 1));
  return shape;
}

function mesh(vertices, faces) {
  const shape = new Triangles();
  const at = (i) => vertices.slice(3 * i, 3 * i + 3);
  for (let i = 0; i < faces.length; i += 3) {
    const [a, b, c] = [at(faces[i]), at(faces[i + 1]), at(faces[i + 2])];
    const [u, v] = [b.map((x, k) => x - a[k]), c.map((x, k) => x - a[k])];
    const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    const size = Math.hypot(...n) || 1;
    for (const p of [a, b, c]) shape.corner(p, n.map((x) => x / size));
  }
  return shape;
}

export function shapeOf(geom) {
  switch (geom.kind) {
    case "box": return box(geom.size);
    case "capsule": return capsule(geom.size);
    case "cylinder": return cylinder(geom.size);
    case "sphere": return ellipsoid([geom.size[0], geom.size[0], geom.size[0]]);
    case "ellipsoid": return ellipsoid(geom.size);
    case "plane": return plane(geom.size);
    default: return mesh(geom.vertices, geom.faces);
  }
}

export const ROD = () => cylinder([1, 0.5]); // along z, length 1, radius 1
export const CONE = () => cylinder([1, 0.5], 0);
export const BALL = () => ellipsoid([1, 1, 1]);
