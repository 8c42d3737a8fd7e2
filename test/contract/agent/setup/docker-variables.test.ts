/** The variables that the agent leaves for dockerd, as a shell reads what systemd quotes alike. */
import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { provideVariables } from "../../../../src/agent/setup/docker-variables.ts";
import { isThere } from "../../../../src/system/files.ts";
import { certify } from "../../../support/certificates.ts";
import { runProgram } from "../../../support/program.ts";
import { tempHome } from "../../../support/temp-home.ts";

test("the variables are for root only and come out as they went in, quotes and all", async () => {
  await using home = await tempHome({ images: false });
  const places = placesIn(home.path);
  const proxy = { HTTP_PROXY: "http://ann:a\"b`c$HOME\\d'e f#@10.0.2.2:3128", no_proxy: "localhost,::1" };
  await provideVariables({ proxy }, places);
  expect((await stat(places.variables)).mode & 0o777).toBe(0o600);
  const read = 'set -a; . "$0"; printf "%s\\n" "$HTTP_PROXY" "$no_proxy"';
  expect((await runProgram(["sh", "-c", read, places.variables])).stdout.split("\n")).toEqual([
    proxy.HTTP_PROXY,
    proxy.no_proxy,
    "",
  ]);
});

test("a certificate lies in a folder of its own, which Go reads beside those that it knows", async () => {
  await using home = await tempHome({ images: false });
  const { caFile } = await certify(home.path, ["registry.test"]);
  const places = placesIn(home.path);
  const authority = new X509Certificate(await readFile(caFile));
  await provideVariables({ proxy: {}, caCertificates: [authority.raw.toString("base64")] }, places);
  expect(await Bun.file(places.variables).text()).toBe(
    `SSL_CERT_DIR="/etc/ssl/certs:/etc/pki/tls/certs:${places.certificates}"\n`,
  );
  expect(await readdir(places.certificates)).toEqual(["1.pem"]);
  expect(await readFile(join(places.certificates, "1.pem"), "utf8")).toBe(await readFile(caFile, "utf8"));
});

test("without a proxy and certificates older ones are taken away", async () => {
  await using home = await tempHome({ images: false });
  const places = placesIn(home.path);
  await provideVariables({ proxy: { HTTP_PROXY: "http://a.test" }, caCertificates: ["AAAA"] }, places);
  await provideVariables({ proxy: {} }, places);
  expect(await Bun.file(places.variables).text()).toBe("");
  expect(await isThere(places.certificates)).toBe(false);
});

// --- internal ---

function placesIn(folder: string) {
  return { variables: join(folder, "run/docker.env"), certificates: join(folder, "run/ca-certificates") };
}
