/** The two operands of `qn cp`: what lies on this machine and what lies in a VM. */
import { posix } from "node:path";
import { QnError } from "../../base/errors.ts";

/** What to copy from or to. `written` is what the person wrote, for messages. */
export type Operand =
  | { readonly at: "host"; readonly path: string; readonly written: string }
  | {
      readonly at: "guest";
      readonly vm: string;
      /** Who to be in the guest; nothing for the login user. */
      readonly user: string | undefined;
      readonly path: string;
      readonly written: string;
    };

/**
 * An operand as scp writes it: `VM:PATH`, `USER@VM:PATH`, `:PATH` for the VM "default"; whatever has a slash before its
 * first colon, or no colon, is a path of this machine. Throws USAGE for an empty path on this machine.
 */
export function parseOperand(written: string): Operand {
  const colon = written.indexOf(":");
  const slash = written.indexOf("/");
  if (colon < 0 || (slash >= 0 && slash < colon)) {
    if (written === "") throw new QnError("USAGE", "One of the two paths is empty.");
    return { at: "host", path: written, written };
  }
  const [, user, name = ""] = /^(?:([^@]*)@)?(.*)$/s.exec(written.slice(0, colon)) ?? [];
  const vm = name === "" ? "default" : name;
  return { at: "guest", vm, user: user === "" ? undefined : user, path: written.slice(colon + 1), written };
}

/** Source and destination. Throws USAGE when not exactly one of them lies in a VM. */
export function parseDirection(source: string, destination: string): { readonly from: Operand; readonly to: Operand } {
  const from = parseOperand(source);
  const to = parseOperand(destination);
  if (from.at !== to.at) return { from, to };
  const message =
    from.at === "host"
      ? `Neither "${source}" nor "${destination}" lies in a VM.`
      : `Both "${source}" and "${destination}" lie in a VM.`;
  throw new QnError("USAGE", message, {
    hint: "One is a path of this machine and the other VM:PATH, such as default:/tmp/x. A file with a colon is ./a:b.",
  });
}

/** The name that a copy of `path` takes in a folder; nothing when the path ends in none, as "." and ".." do. */
export function nameOf(path: string): string | undefined {
  const name = posix.basename(path);
  return name === "" || name === "." || name === ".." || path === "~" ? undefined : name;
}

/** True when what a folder holds is meant, and not the folder: `folder/.`, as docker cp has it. */
export function meansContents(path: string): boolean {
  return path === "." || path.endsWith("/.");
}
