// Copies a line, and says that it did.
import { useSignal } from "@preact/signals";
import { CheckIcon, CopyIcon } from "./icons.tsx";

const saidForMs = 2_000;

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const said = useSignal<"" | "Copied" | "Select and copy by hand">("");
  const copy = async () => {
    const isCopied = await write(text).then(
      () => true,
      () => false,
    );
    said.value = isCopied ? "Copied" : "Select and copy by hand";
    setTimeout(() => (said.value = ""), saidForMs);
  };
  return (
    <>
      <button type="button" class="button is-small" aria-label={`Copy ${what}`} onClick={() => void copy()}>
        {said.value === "Copied" ? <CheckIcon /> : <CopyIcon />}
        <span aria-hidden="true">{said.value === "" ? "Copy" : said.value}</span>
      </button>
      <span class="unseen" role="status">
        {said.value}
      </span>
    </>
  );
}

/** @throws TypeError where the browser gives no clipboard: without https, beyond localhost */
async function write(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

/** A line to paste, with its button. */
export function CopyLine({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <div class="copy-line">
      <pre tabIndex={0} role="region" aria-label={what}>
        {text}
      </pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
