/** The way to a mirror is the machine's: its certificate authorities and its proxies, as the environment names them. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { certify } from "../../../../support/certificates.ts";
import { programsMs } from "../../../../support/fake-vm.ts";
import { repository, runProgram } from "../../../../support/program.ts";
import { type MadeRelease, newRelease } from "../../../../support/released-image.ts";
import { type ReleaseServer, releaseServer } from "../../../../support/release-server.ts";
import { type TempHome, tempHome } from "../../../../support/temp-home.ts";

setDefaultTimeout(programsMs);

let home: TempHome;
let made: MadeRelease;
let server: ReleaseServer;

beforeAll(async () => {
  home = await tempHome({ images: false });
  made = await newRelease(join(home.path, "release"));
  server = await releaseServer(made.folder, undefined, await certify(home.path, ["localhost", "mirror.invalid"]));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

/** `qn image pull` in a QN_HOME of its own; what it is told by the environment alone. */
async function pull(name: string, env: Record<string, string>) {
  const clean = { HTTPS_PROXY: undefined, https_proxy: undefined, NO_PROXY: undefined, no_proxy: undefined };
  const { exitCode, stderr } = await runProgram([process.execPath, join(repository, "src/main.ts"), "image", "pull"], {
    env: {
      ...clean,
      QN_HOME: join(home.path, name),
      QN_IMAGE_URL: server.base,
      QN_IMAGE_KEY: made.keyFile,
      ...env,
    },
  });
  return { exitCode, said: stderr };
}

/** A proxy that leads to the server, whatever name it is asked for; `asked` are those names. */
async function proxy(): Promise<AsyncDisposable & { readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const listener = createServer();
  listener.on("connect", (request, client) => {
    asked.push(request.url ?? "");
    const onward = connect(server.port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(onward).pipe(client);
    });
    for (const end of [client, onward]) end.on("error", () => {});
  });
  listener.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections();
      listener.close();
    },
  };
}

test("a mirror whose certificate nobody vouches for is refused, with what to do about it", async () => {
  expect(await pull("stranger", {})).toEqual({
    exitCode: 25,
    said: expect.stringMatching(/has a certificate that is not trusted: [\s\S]*NODE_EXTRA_CA_CERTS or SSL_CERT_FILE/),
  });
});

test.each(["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"])(
  "a certificate authority that %s names is trusted",
  async (name) => {
    const { exitCode, said } = await pull(name, { [name]: join(home.path, "ca.pem") });
    expect([exitCode, said]).toEqual([0, expect.stringContaining("is fetched")]);
  },
);

test("a mirror behind a proxy is reached through it, and its name is the proxy's to find", async () => {
  await using between = await proxy();
  const ca = { NODE_EXTRA_CA_CERTS: join(home.path, "ca.pem") };
  const base = `https://mirror.invalid:${server.port}/`;
  const { exitCode, said } = await pull("proxied", { ...ca, HTTPS_PROXY: between.url, QN_IMAGE_URL: base });
  expect([exitCode, said]).toEqual([0, expect.stringContaining("is fetched")]);
  expect(new Set(between.asked)).toEqual(new Set([`mirror.invalid:${server.port}`]));
});

test("a mirror that NO_PROXY names is reached without the proxy", async () => {
  await using between = await proxy();
  const ca = { NODE_EXTRA_CA_CERTS: join(home.path, "ca.pem") };
  const { exitCode } = await pull("direct", { ...ca, HTTPS_PROXY: between.url, NO_PROXY: "localhost" });
  expect([exitCode, between.asked]).toEqual([0, []]);
});
