// The benchmark's command line: runs the chosen measures one after the other, prints the tables, writes them on request.
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Bench, openBench } from "./bench.ts";
import { contenderNames } from "./contenders/contenders.ts";
import { findNginx } from "./contenders/nginx.ts";
import { measureChildren } from "./measures/children.ts";
import { measureEras } from "./measures/eras.ts";
import { measureLarge } from "./measures/large.ts";
import { measureOutliving } from "./measures/outliving.ts";
import { measureProgress } from "./measures/progress.ts";
import { measureRecovery } from "./measures/recovery.ts";
import { describe } from "./measures/rounds.ts";
import { measureSessions, measureStreams } from "./measures/sessions.ts";
import { measureEventStreamAnswers, measureSmall } from "./measures/small.ts";
import { measureStart } from "./measures/start.ts";
import { measureWires } from "./measures/wires.ts";
import { canPin, pinSelf } from "./processes/child.ts";
import { openReadings, type Readings } from "./readings.ts";
import { describeRun, reportOf, writeReadme } from "./report.ts";

const parts: Readonly<Record<string, (bench: Bench, readings: Readings) => Promise<void>>> = {
  small: measureSmall,
  sse: measureEventStreamAnswers,
  outliving: measureOutliving,
  eras: measureEras,
  large: measureLarge,
  progress: measureProgress,
  sessions: measureSessions,
  streams: measureStreams,
  wires: measureWires,
  children: measureChildren,
  start: measureStart,
  recovery: measureRecovery,
};

/** A quick run leaves them out where they are not named. */
const slow: ReadonlySet<string> = new Set(["wires", "children"]);

const root = fileURLToPath(new URL("../", import.meta.url));

const help = `npm run bench -- [options]

  --quick             short rounds, under two minutes; its figures are rough
  --only a,b          of: ${Object.keys(parts).join(", ")}
  --contenders a,b    of: ${contenderNames.join(", ")}
  --write             put the tables of a full run (about 27 minutes) into bench/README.md
  --help

Build first: Holdfast is measured as dist/main.js. nginx takes part where it is installed.
`;

function chosen<Name extends string>(text: string | undefined, all: readonly Name[]): readonly Name[] {
  if (text === undefined) return all;
  const wanted = text.split(",");
  const unknown = wanted.filter((name) => !all.some((one) => one === name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}; there is ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      contenders: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.quick && values.write)
    throw new Error("--write wants a full run: the figures of a quick one are too rough");
  if (process.platform !== "linux") throw new Error("the bench reads /proc, so it runs on Linux only");
  const [loadBefore = Number.NaN] = loadavg();
  const notes: string[] = [];
  const note = (line: string) => {
    // Notes reach the README, where the place of a checkout is nobody's business.
    notes.push(line.replaceAll(root, "").replaceAll("\n", " ").slice(0, 200));
    process.stderr.write(`  ${line}\n`);
  };
  const ordinary = Object.keys(parts).filter((part) => !values.quick || !slow.has(part));
  const picked = values.only === undefined ? ordinary : chosen(values.only, Object.keys(parts));
  const everyone = values.quick ? contenderNames.filter((name) => name !== "supergateway") : contenderNames;
  const asked = values.contenders === undefined ? everyone : chosen(values.contenders, contenderNames);
  const hasNginx = findNginx() !== undefined;
  if (!hasNginx) note("nginx is not installed (apt-get install nginx): targets against it are not measured");
  const names = hasNginx ? asked : asked.filter((name) => name !== "nginx");
  pinSelf(0);

  if (values.quick) note("quick: Node programs are hardly warm, so their CPU and latency read far too high");
  const readings = openReadings();
  await using bench = await openBench({ isQuick: values.quick, names, note });
  for (const part of picked) {
    const start = performance.now();
    process.stderr.write(`${part} ...\n`);
    try {
      await parts[part]?.(bench, readings);
    } catch (error) {
      note(`${part} was not measured to its end: ${describe(error)}`);
    }
    process.stderr.write(`${part} took ${((performance.now() - start) / 1_000).toFixed(1)} s\n`);
  }
  const description = describeRun(bench.rounds, canPin, loadBefore);
  const report = reportOf(readings);
  process.stdout.write(`${description}\n\n${report}\n`);
  if (values.write) await writeReadme(description, report, notes);
}

try {
  await run();
} catch (error) {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 1;
}
