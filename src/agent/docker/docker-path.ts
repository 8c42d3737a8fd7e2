/** Reads the path of a Docker API call. */

/**
 * The parts of a call's path behind its API version, decoded: `/v1.45/containers/web/start?t=1` is `["containers",
 * "web", "start"]`. Docker hands a bare path to plugins, which `new URL` would take for a host when it begins with two
 * slashes. Nothing when a part is no valid encoding: that is Docker's to refuse.
 */
export function dockerPath(uri: string): readonly string[] | undefined {
  const path = uri.replace(/^https?:\/\/[^/]*/, "").split("?")[0] ?? "";
  const parts = path
    .replace(/^\/v[\d.]+(?=\/)/, "")
    .split("/")
    .slice(1);
  try {
    return parts.map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
}
