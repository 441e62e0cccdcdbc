// Every verb that the help names can be typed, and explains itself with an example.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Command } from "commander";
import { hubVerbs } from "../hub-verbs.ts";
import { buildHubProgram } from "./build-program.ts";

const program = buildHubProgram("1.2.3", { runDoctor: () => Promise.reject(new Error("not asked for")) });

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

describe("the verbs of the hub", () => {
  it("are those of the help, in its order", () => {
    const typed = program.commands.map((command) => command.name());
    assert.deepEqual(typed.toSorted(), Object.keys(hubVerbs).toSorted());
  });

  for (const command of program.commands) {
    const all = [command, ...command.commands];
    it(`explain ${command.name()} with an example`, () => {
      for (const one of all) {
        const text = helpOf(one);
        assert.match(text, new RegExp(`^Usage: holdfast ${one === command ? "" : `${command.name()} `}${one.name()}`));
        if (one.name() !== "schema") assert.match(text, /Examples:\n {2}\S/);
      }
    });
  }
});
