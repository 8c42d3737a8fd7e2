/** Where images are fetched from, as the setting `imageUrl` says it. */
import { cleanPath } from "../../base/words.ts";

/** The program's own releases, nothing at all, a folder of this machine, or what is below an address. */
export type ImageSource =
  | { readonly kind: "release" | "none" }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "web"; readonly base: string };

/**
 * The source that a text names: `release`, `none`, an absolute path, `file:`, or `https:`; nothing for any other.
 * Unencrypted `http:` is for this machine's own loopback, such as a tunnel's end: elsewhere whoever is on the way could
 * hold back a newer release by an older one, which is signed as well.
 */
export function imageSourceOf(text: string): ImageSource | undefined {
  if (text === "release" || text === "none") return { kind: text };
  if (text.startsWith("/")) return { kind: "folder", path: cleanPath(text) };
  const url = URL.parse(text);
  if (url === null || `${url.username}${url.password}${url.search}${url.hash}` !== "") return undefined;
  if (url.protocol === "file:") return folderOf(url);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) return undefined;
  return { kind: "web", base: url.href.endsWith("/") ? url.href : `${url.href}/` };
}

// --- internal ---

function folderOf(url: URL): ImageSource | undefined {
  try {
    return url.host === "" ? { kind: "folder", path: cleanPath(Bun.fileURLToPath(url)) } : undefined;
  } catch {
    // An encoded slash is in no path.
    return undefined;
  }
}
