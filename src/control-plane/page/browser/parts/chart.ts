// Draws the chart with uPlot; loaded on its own, since it is larger than the rest of the page.
import uPlot from "uplot";
import type { Stats } from "../../../api/schema.ts";

const height = 120;

type Paint = (name: string) => string;

/** The colours of the style sheet, as they are in the theme of this moment. */
function paintOf(element: HTMLElement): Paint {
  const probe = document.createElement("span");
  element.append(probe);
  return (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
}

export function openChart(box: HTMLElement): { draw(stats: Stats): void; close(): void } {
  const paint = paintOf(box);
  let plot: uPlot | undefined;
  let data: uPlot.AlignedData = [[], [], [], []];
  const build = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(box.clientWidth, paint), data, box);
  };
  const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", build);
  const themed = new MutationObserver(build);
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  build();
  resized.observe(box);
  return {
    draw(stats) {
      data = dataOf(stats);
      plot?.setData(data);
    },
    close() {
      dark.removeEventListener("change", build);
      themed.disconnect();
      resized.disconnect();
      plot?.destroy();
    },
  };
}

/** Losses and restores only where there are some: a zero is no mark. */
function dataOf({ points }: Stats): uPlot.AlignedData {
  const some = (count: number) => (count === 0 ? null : count);
  return [
    points.map((point) => Date.parse(point.at) / 1_000),
    points.map((point) => point.calls),
    points.map((point) => some(point.losses)),
    points.map((point) => some(point.restores)),
  ];
}

function optionsFor(width: number, paint: Paint): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.8, 24], radius: 0.2 });
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    font,
    stroke: paint("quiet"),
    ticks: { show: false },
    border: { show: false },
    grid: { stroke: paint("line"), width: 1 },
  };
  return {
    width,
    height,
    padding: [10, 12, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_self, _low, high) => [0, Math.max(4, (Number.isFinite(high) ? high : 0) * 1.45)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, values: (_self, times) => times.map(timeOf) },
      { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000], space: 30 },
    ],
    series: [
      {},
      { fill: paint("calls"), width: 0, points: { show: false }, ...(bars && { paths: bars }) },
      marks(paint("bad"), "triangle", 6),
      marks(paint("good"), "circle", 20),
    ],
  };
}

const timeOf = (seconds: number) =>
  new Date(seconds * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Marks in a lane above the bars, of a shape of their own, so that they can be told apart without colour. */
function marks(colour: string, shape: "triangle" | "circle", lane: number): uPlot.Series {
  return {
    stroke: colour,
    paths: () => null,
    points: {
      show: (plot, series) => {
        drawMarks(plot, series, colour, shape, lane);
        return false;
      },
    },
  };
}

function drawMarks(plot: uPlot, series: number, colour: string, shape: "triangle" | "circle", lane: number): void {
  const size = 4 * devicePixelRatio;
  const { ctx } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  for (const [at, value] of (plot.data[series] ?? []).entries()) {
    const time = plot.data[0][at];
    if (value === null || value === undefined || time === undefined) continue;
    const x = plot.valToPos(time, "x", true);
    const y = plot.bbox.top + lane * devicePixelRatio;
    ctx.beginPath();
    if (shape === "circle") ctx.arc(x, y, size, 0, 2 * Math.PI);
    else {
      ctx.moveTo(x, y + size * 1.2);
      ctx.lineTo(x - size * 1.2, y - size);
      ctx.lineTo(x + size * 1.2, y - size);
    }
    ctx.fill();
  }
  ctx.restore();
}
