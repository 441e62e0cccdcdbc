// Starts the page: the clock, the line to the hub, the paths, and the first drawing.
import { render } from "preact";
import { App } from "./app.tsx";
import { startLive } from "./live.ts";
import { startRouter } from "./route.ts";
import { take } from "./state.ts";
import { startClock } from "./time.ts";

const root = document.querySelector("#app");
if (root !== null) {
  startClock();
  startRouter();
  startLive(take);
  root.replaceChildren();
  render(<App />, root);
}
