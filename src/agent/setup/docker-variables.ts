/** What dockerd is given of the host, as variables that systemd reads when it starts it: proxy and certificates. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Boot } from "../../protocol/messages.ts";
import { writeFileAtomically } from "../../system/files.ts";

/**
 * Where guest/units/docker.service.d/qn.conf has systemd look (EnvironmentFile=), and a folder for the certificates of
 * authorities.
 */
const places = { variables: "/run/qn/docker.env", certificates: "/run/qn/ca-certificates" };

/**
 * Go looks into these folders in the place of its own (crypto/x509, root_unix.go), and into the first file of its list
 * all the same: what a guest trusts by itself it goes on trusting.
 */
const ownFolders = "/etc/ssl/certs:/etc/pki/tls/certs";

/** Writes the certificates, and the variables for root only: a proxy's URL may hold a password. */
export async function provideVariables(
  { proxy, caCertificates = [] }: Pick<Boot, "proxy" | "caCertificates">,
  { variables, certificates } = places,
): Promise<void> {
  await mkdir(dirname(variables), { recursive: true, mode: 0o755 });
  await rm(certificates, { recursive: true, force: true });
  if (caCertificates.length > 0) await mkdir(certificates, { recursive: true, mode: 0o755 });
  for (const [index, der] of caCertificates.entries()) {
    await writeFileAtomically(join(certificates, `${index + 1}.pem`), pem(der), 0o644);
  }
  const trust = caCertificates.length === 0 ? {} : { SSL_CERT_DIR: `${ownFolders}:${certificates}` };
  const lines = Object.entries({ ...proxy, ...trust }).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\`$]/g, String.raw`\$&`)}"\n`,
  );
  await writeFileAtomically(variables, lines.join(""), 0o600);
}

// --- internal ---

/** RFC 7468: lines of 64 letters. */
function pem(der: string): string {
  const lines = der.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
