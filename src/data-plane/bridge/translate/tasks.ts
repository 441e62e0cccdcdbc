// Tools of a legacy server that run only as tasks: called as one and awaited inside the proxy, so that a modern client sees a plain result. Pure.
import { editUnder, memberText, type RawId } from "../../../protocol/index.ts";
import { stringOf } from "./client-facts.ts";

/** True if the tool (JSON text) refuses to be called in the ordinary way. */
export function insistsOnTask(tool: string): boolean {
  return stringOf(memberText(tool, "execution", "taskSupport")) === "required";
}

export function callAsTask(request: string): string {
  return editUnder(request, ["params"], { task: "{}" });
}

/** The id (JSON text) of the task that a call was turned into; undefined for an ordinary result. */
export function taskIdOf(result: string): string | undefined {
  return memberText(result, "task", "taskId");
}

/** Answered when the task is over, with what the call itself would have answered. */
export function writeTaskResult(id: RawId, taskId: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tasks/result","params":{"taskId":${taskId}}}`;
}

export function writeTaskCancel(id: RawId, taskId: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tasks/cancel","params":{"taskId":${taskId}}}`;
}
