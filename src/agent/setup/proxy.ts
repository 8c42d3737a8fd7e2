/** The host's proxy for dockerd, as variables that systemd reads when it starts it. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomically } from "../../system/files.ts";

/** Where guest/units/docker.service.d/qn.conf has systemd look (EnvironmentFile=). */
const variablesFile = "/run/qn/docker.env";

/** Writes the variables, for root only: a proxy's URL may hold a password. */
export async function provideProxy(proxy: Readonly<Record<string, string>>, path = variablesFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const lines = Object.entries(proxy).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\`$]/g, String.raw`\$&`)}"\n`,
  );
  await writeFileAtomically(path, lines.join(""), 0o600);
}
