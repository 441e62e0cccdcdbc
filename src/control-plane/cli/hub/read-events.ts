// Reads the hub's event stream piece by piece and gives each event's data. For `logs -f` alone.

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true });
    const events = held.split(/\r?\n\r?\n/);
    held = events.pop() ?? "";
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5))
        .join("\n");
      if (data !== "") yield JSON.parse(data);
    }
  }
}
