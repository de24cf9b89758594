// The relief that turns: the heights of a world as a surface, drawn by WebGL, seen from a camera around its center.

import { RADIUS_M, SEA_M, WIDTH_M } from "./geo.js";

/** Heights are enlarged as on relief.png. */
const EXAGGERATION = 3;
const SIDE = 512;
const WALL_PARTS = 256;
/** Height of the underside of the block in meters. */
const BASE_M = -120;
/** Zooms of the tiles on the surface: the first one arrives quickly, the last one is sharp. */
const TILE_ZOOMS = [1, 3];
const FIRST_VIEW = { yaw: 0, pitch: 0.6 };
/** Initial distances of the camera, with which the world fits into a wide and into a high view. */
const DISTANCES = { wide: 2, high: 2.5 };
/** Upward shift of the picture in a flat view, because the near half of the world is larger in it than the far half. */
const LIFT = 0.22;
const [LEAST_PITCH, MOST_PITCH, LEAST_DISTANCE, MOST_DISTANCE] = [0.12, 1.5, 0.7, 5];
const FOCAL = 2.2;
const [NEAR, FAR] = [0.05, 12];
const KEY_TURN = 0.12;

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
in float height;
uniform mat4 camera;
uniform int side, wall;
uniform float first, cell;
out vec2 ground;
out vec3 spot;
void main() {
  float y = max(height, ${SEA_M}.0);
  if (wall > 0) {
    float turn = float(gl_VertexID / 2) * 6.2831853 / float(wall);
    ground = ${RADIUS_M}.0 * vec2(sin(turn), cos(turn));
    y = gl_VertexID % 2 == 0 ? ${SEA_M}.0 : ${BASE_M}.0;
  } else {
    ground = first + cell * vec2(gl_VertexID % side, gl_VertexID / side);
  }
  spot = vec3(ground.x, (y - ${SEA_M}.0) * ${EXAGGERATION}.0, -ground.y) / ${RADIUS_M}.0;
  gl_Position = camera * vec4(spot, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
in vec2 ground;
in vec3 spot;
uniform sampler2D painted;
uniform float start, width;
uniform int wall;
out vec4 color;
void main() {
  if (wall > 0) {
    float depth = -spot.y * ${RADIUS_M}.0 / ${EXAGGERATION}.0;
    color = vec4(mix(vec3(0.42, 0.55, 0.58), vec3(0.50, 0.41, 0.31), step(60.0, depth)), 1.0);
    return;
  }
  if (length(ground) > ${RADIUS_M}.0) discard;
  vec3 normal = normalize(cross(dFdx(spot), dFdy(spot)));
  float light = dot(normal.y < 0.0 ? -normal : normal, normalize(vec3(-1.0, 1.4, -1.0)));
  vec2 at = (ground - start) / width;
  color = vec4(texture(painted, vec2(at.x, 1.0 - at.y)).rgb * clamp(0.5 + 0.69 * light, 0.45, 1.15), 1.0);
}`;

/** Returns the matrix of a camera, column by column, for clip space with an aspect ratio of width to height. */
export function cameraMatrix({ yaw, pitch, distance }, aspect) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const focal = FOCAL * Math.min(1, aspect);
  const [across, a, b] = [focal / aspect, (FAR + NEAR) / (NEAR - FAR), (2 * FAR * NEAR) / (NEAR - FAR)];
  const columns = [
    [across * cy, -focal * sp * sy, a * cp * sy, -cp * sy],
    [0, focal * cp, a * sp, -sp],
    [-across * sy, -focal * sp * cy, a * cp * cy, -cp * cy],
    [0, 0, b - a * distance, distance],
  ];
  return new Float32Array(columns.flatMap(([x, y, z, w]) => [x, y + LIFT * cp * w, z, w]));
}

export class ReliefView {
  #camera;
  #pointers = new Map();
  #frame = 0;

  /**
   * Prepares WebGL; throws an error if the browser has none, or none that works.
   *
   * @param canvas an empty canvas.
   * @param world a `WorldMap`.
   */
  constructor(canvas, world) {
    this.canvas = canvas;
    this.world = world;
    const gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
    if (!gl) throw new Error("The browser has no WebGL 2.");
    this.gl = gl;
    this.program = programOf(gl);
    this.place = Object.fromEntries(
      ["camera", "side", "wall", "first", "cell", "start", "width"].map((name) => [
        name,
        gl.getUniformLocation(this.program, name),
      ]),
    );
    this.reset();
    this.#listen();
    this.resizing = new ResizeObserver(() => this.#redraw());
    this.resizing.observe(canvas);
  }

  /** Reads the heights and shows them, first in the colors of the biomes and then with the tiles of the map. */
  async load() {
    const { planes, biomes, facts } = this.world;
    const step = Math.max(1, Math.ceil(facts.grid.size / SIDE));
    const { side, height, biome } = await planes.thinned(step);
    this.mesh = { side, cell: facts.grid.cell_m * step, first: facts.grid.first_m, count: this.#fill(side, height) };
    const colors = new Uint8Array(side * side * 4);
    const ocean = rgb([...biomes.values()].find(({ name }) => name === "Ocean").color);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const [from, to] = [row * side + column, (side - 1 - row) * side + column];
        const color = height[from] < SEA_M ? ocean : rgb(biomes.get(biome[from])?.color ?? "#000000");
        colors.set([...color, 255], to * 4);
      }
    }
    const extent = side * this.mesh.cell;
    this.#paint(extent, this.mesh.first - this.mesh.cell / 2, (gl) =>
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, side, side, 0, gl.RGBA, gl.UNSIGNED_BYTE, colors),
    );
    this.#redraw();
    for (const zoom of TILE_ZOOMS) await this.#showTiles(Math.min(zoom, facts.max_zoom));
  }

  /** Frees the memory of the graphics card. */
  close() {
    this.isClosed = true;
    window.cancelAnimationFrame(this.#frame);
    this.resizing.disconnect();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** Sets the initial view. */
  reset() {
    const isWide = this.canvas.clientWidth > 1.3 * this.canvas.clientHeight;
    this.#camera = { ...FIRST_VIEW, distance: isWide ? DISTANCES.wide : DISTANCES.high };
    this.#redraw();
  }

  /** Turns the camera by angles, and multiplies its distance. */
  turn(yaw, pitch, distance = 1) {
    const camera = this.#camera;
    camera.yaw += yaw;
    camera.pitch = Math.min(Math.max(camera.pitch + pitch, LEAST_PITCH), MOST_PITCH);
    camera.distance = Math.min(Math.max(camera.distance * distance, LEAST_DISTANCE), MOST_DISTANCE);
    this.#redraw();
  }

  /** Fills the buffers with heights and triangles; returns the number of indices. */
  #fill(side, height) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, height, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(this.program, "height");
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 1, gl.FLOAT, false, 0, 0);
    const indices = new Uint32Array((side - 1) ** 2 * 6);
    let next = 0;
    for (let row = 0; row < side - 1; row++) {
      for (let column = 0; column < side - 1; column++) {
        const corner = row * side + column;
        indices.set([corner, corner + 1, corner + side, corner + 1, corner + side + 1, corner + side], next);
        next += 6;
      }
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    return indices.length;
  }

  /** Puts a picture on the surface; `width` and `start` are the meters that it covers, and its west and south edges. */
  #paint(width, start, upload) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    try {
      upload(gl);
    } catch (error) {
      gl.bindTexture(gl.TEXTURE_2D, this.texture ?? null);
      gl.deleteTexture(texture);
      throw error;
    }
    this.painted = { width, start };
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    if (this.texture) gl.deleteTexture(this.texture);
    this.texture = texture;
  }

  async #showTiles(zoom) {
    const { base, facts, style } = this.world;
    const count = 2 ** zoom;
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = count * 256;
    const context = sheet.getContext("2d");
    const cells = Array.from({ length: count ** 2 }, (_, place) => [place % count, Math.floor(place / count)]);
    try {
      await Promise.all(
        cells.map(async ([x, y]) => {
          const tile = new Image();
          tile.src = `${base}tiles/${style}/${zoom}/${x}/${y}.webp?v=${facts.version}`;
          await tile.decode();
          context.drawImage(tile, x * 256, y * 256);
        }),
      );
      if (this.isClosed) return;
      this.#paint(WIDTH_M, -WIDTH_M / 2, (gl) =>
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, sheet),
      );
    } catch {
      // Without tiles, or on a page from a disk, the colors of the biomes stay.
    }
    this.#redraw();
  }

  #redraw() {
    window.cancelAnimationFrame(this.#frame);
    this.#frame = window.requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { gl, canvas, place, mesh, painted } = this;
    if (!mesh || this.isClosed) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.uniformMatrix4fv(place.camera, false, cameraMatrix(this.#camera, width / height));
    gl.uniform1i(place.side, mesh.side);
    gl.uniform1f(place.first, mesh.first);
    gl.uniform1f(place.cell, mesh.cell);
    gl.uniform1f(place.start, painted.start);
    gl.uniform1f(place.width, painted.width);
    gl.uniform1i(place.wall, 0);
    gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    gl.uniform1i(place.wall, WALL_PARTS);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 2 * WALL_PARTS + 2);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  }

  #listen() {
    const { canvas } = this;
    const pointers = this.#pointers;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      const former = pointers.get(event.pointerId);
      if (!former) return;
      const before = spread(pointers);
      pointers.set(event.pointerId, event);
      const turns = pointers.size === 1 ? 0.006 : 0.003;
      const [x, y] = [event.clientX - former.clientX, event.clientY - former.clientY];
      this.turn(-x * turns, y * turns, before ? before / spread(pointers) : 1);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.turn(0, 0, 1.0015 ** event.deltaY);
      },
      { passive: false },
    );
    const keys = {
      ArrowLeft: () => this.turn(-KEY_TURN, 0),
      ArrowRight: () => this.turn(KEY_TURN, 0),
      ArrowUp: () => this.turn(0, KEY_TURN),
      ArrowDown: () => this.turn(0, -KEY_TURN),
      "+": () => this.turn(0, 0, 0.9),
      "=": () => this.turn(0, 0, 0.9),
      "-": () => this.turn(0, 0, 1 / 0.9),
      0: () => this.reset(),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  }
}

/** Returns the distance of two fingers; 0 for one. */
function spread(pointers) {
  const [one, other] = [...pointers.values()];
  return other ? Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1 : 0;
}

const rgb = (code) => [1, 3, 5].map((start) => Number.parseInt(code.slice(start, start + 2), 16));

function programOf(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS))
    throw new Error(gl.getProgramInfoLog(program) ?? "WebGL fails.");
  return program;
}
