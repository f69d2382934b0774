// A small renderer: lit solids with flat shadows on the table, and rods, cones and balls as drawings over them.
// Matrices are 16 numbers by columns; world frame with z up, metres.

import { BALL, CONE, ROD, shapeOf } from "./shapes.js";

const VERTEX = `#version 300 es
in vec3 position; in vec3 normal;
uniform mat4 model, camera;
out vec3 place, facing;
void main() {
  vec4 world = model * vec4(position, 1.0);
  place = world.xyz; facing = mat3(model) * normal;
  gl_Position = camera * world;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 place, facing;
uniform vec4 colour; uniform vec3 eye; uniform float lit, grid;
out vec4 pixel;
float line(vec2 at, float spacing, float width) {
  vec2 off = abs(fract(at / spacing - 0.5) - 0.5) * spacing, blur = fwidth(at);
  vec2 hit = 1.0 - smoothstep(vec2(width) , vec2(width) + blur, off);
  return max(hit.x, hit.y) * clamp(spacing / (8.0 * max(blur.x, blur.y)), 0.0, 1.0);
}
void main() {
  vec3 base = pow(colour.rgb, vec3(2.2));
  if (grid > 0.5) base *= 1.0 - 0.10 * line(place.xy, 0.1, 0.0006) - 0.10 * line(place.xy, 0.5, 0.0012);
  vec3 n = normalize(facing), view = normalize(eye - place), key = normalize(vec3(0.35, -0.45, 0.9));
  if (dot(n, view) < 0.0 && grid < 0.5) n = -n;
  vec3 fill = mix(vec3(0.20, 0.18, 0.17), vec3(0.42, 0.45, 0.50), 0.5 + 0.5 * n.z);
  float side = max(dot(n, normalize(vec3(-0.6, 0.7, 0.35))), 0.0);
  vec3 light = fill + vec3(0.75, 0.73, 0.69) * max(dot(n, key), 0.0) + vec3(0.14, 0.17, 0.22) * side;
  float shine = pow(max(dot(n, normalize(key + view)), 0.0), 48.0) * (grid > 0.5 ? 0.0 : 0.16);
  vec3 seen = mix(base, base * light + shine, lit);
  pixel = vec4(pow(seen, vec3(1.0 / 2.2)) * colour.a, colour.a);
}`;
// Parallel light onto the plane z = 1 mm, by columns.
const SHADE = 0.001;
const LIGHT = [0.35, -0.45, 0.9];
const FLATTEN = [1, 0, 0, 0, 0, 1, 0, 0, -LIGHT[0] / LIGHT[2], -LIGHT[1] / LIGHT[2], 0, 0,
  (LIGHT[0] / LIGHT[2]) * SHADE, (LIGHT[1] / LIGHT[2]) * SHADE, SHADE, 1];

export function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++)
      for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}

// Twelve numbers of the server: a position and a rotation by rows.
export function matrix(values, index) {
  const v = values.subarray(12 * index, 12 * index + 12);
  return new Float32Array([v[3], v[6], v[9], 0, v[4], v[7], v[10], 0, v[5], v[8], v[11], 0, v[0], v[1], v[2], 1]);
}

export const point = (m, p) => [0, 1, 2].map((r) => m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r]);
const minus = (a, b) => a.map((x, i) => x - b[i]);
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => { const size = Math.hypot(...a) || 1; return a.map((x) => x / size); };

export class Renderer {
  constructor(canvas) {
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { antialias: true, stencil: true, premultipliedAlpha: true });
    if (!gl) throw new Error("this browser has no WebGL 2, so there is no 3D view; everything else works");
    this.gl = gl;
    this.program = this.link();
    this.names = {};
    for (const name of ["model", "camera", "colour", "eye", "lit", "grid"])
      this.names[name] = gl.getUniformLocation(this.program, name);
    this.rod = this.upload(ROD());
    this.cone = this.upload(CONE());
    this.ball = this.upload(BALL());
    this.solids = [];
  }

  link() {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "position");
    gl.bindAttribLocation(program, 1, "normal");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return program;
  }

  upload(shape) {
    const gl = this.gl;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffers = [shape.positions, shape.normals].map((numbers, slot) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.STATIC_DRAW);
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, 3, gl.FLOAT, false, 0, 0);
      return buffer;
    });
    return { array, buffers, count: shape.positions.length / 3 };
  }

  // Replace what there is to see.
  load(geoms) {
    for (const { shape } of this.solids) {
      this.gl.deleteVertexArray(shape.array);
      shape.buffers.forEach((buffer) => this.gl.deleteBuffer(buffer));
    }
    this.solids = geoms.map((geom) => ({ geom, shape: this.upload(shapeOf(geom)) }));
  }

  // poses: of the solids; marks: what to draw over them; view: {eye, at, up}.
  draw(poses, marks, view) {
    const gl = this.gl;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth * ratio, this.canvas.clientHeight * ratio].map(Math.round);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    this.matrix = camera(view, width / Math.max(height, 1));
    gl.uniformMatrix4fv(this.names.camera, false, this.matrix);
    gl.uniform3fv(this.names.eye, view.eye);
    const models = this.solids.map((_, index) => matrix(poses, index));
    const flat = this.solids.map(({ geom }) => geom.kind === "plane");
    this.solids.forEach(({ geom, shape }, i) => { if (flat[i]) this.one(shape, models[i], geom.rgba, 1, 1); });
    this.shadows(models, flat);
    this.solids.forEach(({ geom, shape }, i) => { if (!flat[i]) this.one(shape, models[i], geom.rgba, 1, 0); });
    for (const mark of marks) this.mark(mark);
  }

  // Dark, once per pixel, and only where a table already is.
  shadows(models, flat) {
    const gl = this.gl;
    gl.enable(gl.STENCIL_TEST);
    gl.stencilFunc(gl.EQUAL, 0, 255);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    gl.depthMask(false);
    this.solids.forEach(({ shape }, i) => {
      if (!flat[i] && models[i][14] > 0.004) this.one(shape, multiply(FLATTEN, models[i]), [0.02, 0.02, 0.04, 0.26], 0, 0);
    });
    gl.depthMask(true);
    gl.disable(gl.STENCIL_TEST);
  }

  one(shape, model, colour, lit, grid) {
    const gl = this.gl;
    gl.uniformMatrix4fv(this.names.model, false, model);
    gl.uniform4fv(this.names.colour, colour);
    gl.uniform1f(this.names.lit, lit);
    gl.uniform1f(this.names.grid, grid);
    gl.bindVertexArray(shape.array);
    gl.drawArrays(gl.TRIANGLES, 0, shape.count);
  }

  mark({ kind, from, to, radius, colour }) {
    if (kind === "ball") {
      this.one(this.ball, new Float32Array([radius, 0, 0, 0, 0, radius, 0, 0, 0, 0, radius, 0, ...from, 1]), colour, 0.3, 0);
      return;
    }
    const way = minus(to, from);
    const z = unit(way);
    const x = unit(cross(Math.abs(z[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0], z));
    const y = cross(z, x);
    const middle = from.map((v, i) => v + way[i] / 2);
    const scaled = (axis, size) => [...axis.map((v) => v * size), 0];
    const model = [...scaled(x, radius), ...scaled(y, radius), ...way, 0, ...middle, 1];
    this.one(kind === "cone" ? this.cone : this.rod, new Float32Array(model), colour, 0.3, 0);
  }

  // Where a point of the world is on the canvas, in CSS pixels; null behind the eye.
  screen(p) {
    const m = this.matrix;
    const at = [0, 1, 2, 3].map((r) => m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r]);
    if (at[3] <= 0) return null;
    return [((at[0] / at[3] + 1) / 2) * this.canvas.clientWidth, ((1 - at[1] / at[3]) / 2) * this.canvas.clientHeight];
  }
}

function camera({ eye, at, up }, aspect) {
  const z = unit(minus(eye, at));
  const x = unit(cross(up, z));
  const y = cross(z, x);
  const dot = (a) => -a.reduce((sum, v, i) => sum + v * eye[i], 0);
  const look = [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, dot(x), dot(y), dot(z), 1];
  const [near, far, focal] = [0.02, 20, 1 / Math.tan((38 * Math.PI) / 360)];
  const lens = [focal / aspect, 0, 0, 0, 0, focal, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
  return multiply(lens, look);
}
