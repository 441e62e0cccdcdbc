// The least an MCP server on standard input and output can do: reads an id with a search, answers with a fixed text. Run without its types.
const text = "All work and no play makes a dull benchmark, so this sentence tries to be a little longer. ".repeat(3);
const called = JSON.stringify({ content: [{ type: "text", text }] });
const listed = JSON.stringify({ tools: [{ name: "echo", inputSchema: { type: "object" } }] });
const about = '"capabilities":{"tools":{}},"serverInfo":{"name":"bench-stdio","version":"1"}';

function resultOf(line: string): string {
  if (line.includes('"method":"tools/call"')) return called;
  if (!line.includes('"method":"initialize"')) return line.includes('"method":"tools/list"') ? listed : "{}";
  const version = /"protocolVersion":"([^"]*)"/.exec(line)?.[1] ?? "2025-11-25";
  return `{"protocolVersion":"${version}",${about}}`;
}

function answer(line: string): string {
  const id = line.includes('"method"') ? /"id":("[^"]*"|\d+)/.exec(line)?.[1] : undefined;
  return id === undefined ? "" : `{"jsonrpc":"2.0","id":${id},"result":${resultOf(line)}}\n`;
}

let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk: string) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  const answers = lines.map(answer).join("");
  if (answers !== "") process.stdout.write(answers);
});
