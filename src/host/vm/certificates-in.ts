/** Certificates out of what a file or a program has of them (PEM, RFC 7468, or one in DER). Touches nothing. */
import { X509Certificate } from "node:crypto";

/** What was found, in its order, and what was not understood: sentences without their ends that begin with `from`. */
export type Found = { readonly certificates: readonly X509Certificate[]; readonly mistakes: readonly string[] };

/** The certificates in `bytes`; text around blocks of PEM is passed over, as by every reader of it. */
export function certificatesIn(bytes: Uint8Array, from: string): Found {
  const text = Buffer.from(bytes).toString("latin1");
  if (!text.includes(beginning)) return certificateOf(bytes, `${from} holds no certificate`);
  const found = blocksIn(text).map(({ label, content }, index) => {
    const where = `${from}: block ${index + 1}`;
    if (label !== "CERTIFICATE") return wrong(`${where} is a ${label || "block without an end"}, and no CERTIFICATE`);
    return certificateOf(Buffer.from(content, "base64"), `${where} is no certificate that can be read`);
  });
  return joined(found);
}

/** Everything that several places have. */
export function joined(found: readonly Found[]): Found {
  return {
    certificates: found.flatMap(({ certificates }) => certificates),
    mistakes: found.flatMap(({ mistakes }) => mistakes),
  };
}

/** One mistake and nothing else. */
export const wrong = (mistake: string): Found => ({ certificates: [], mistakes: [mistake] });

// --- internal ---

const beginning = "-----BEGIN ";

function certificateOf(der: Uint8Array, otherwise: string): Found {
  try {
    return { certificates: [new X509Certificate(der)], mistakes: [] };
  } catch {
    return wrong(otherwise);
  }
}

/** The blocks, line by line; one that another begins in, or that has no end, has no label. */
function blocksIn(text: string): readonly { readonly label: string; readonly content: string }[] {
  const blocks: { label: string; content: string }[] = [];
  let open: { label: string; lines: string[] } | undefined;
  const unfinished = (): void => {
    if (open !== undefined) blocks.push({ label: "", content: "" });
  };
  for (const line of text.split(/\r?\n/)) {
    const [, edge, label = ""] = /^-----(BEGIN|END) (.{1,64})-----\s*$/.exec(line) ?? [];
    if (edge === "BEGIN") {
      unfinished();
      open = { label, lines: [] };
    } else if (edge === "END" && open?.label === label) {
      blocks.push({ label, content: open.lines.join("") });
      open = undefined;
    } else open?.lines.push(line);
  }
  unfinished();
  return blocks;
}
