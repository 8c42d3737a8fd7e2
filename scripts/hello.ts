/** Starts a container with a page on a published port, through nothing but the Docker API, and fetches the page. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { run } from "../src/system/process.ts";

const name = "qn-hello";
const page = "Hello from a container in qn's VM.";
const pageDeadlineMs = 60_000;

/** Pages of published ports are on this machine: no proxy is asked for them. */
process.env["NO_PROXY"] = "127.0.0.1";

const statusSchema = v.object({ state: v.string(), docker: v.object({ socket: v.string() }) });

const containerSchema = v.object({
  State: v.object({ Running: v.boolean() }),
  HostConfig: v.object({
    PortBindings: v.object({ "80/tcp": v.tupleWithRest([v.object({ HostPort: v.string() })], v.unknown()) }),
  }),
});

try {
  await main();
} catch (error) {
  console.error(`The first container: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

// --- internal ---

async function main(): Promise<void> {
  const socket = await dockerSocket();
  const running = await portOfRunning(socket);
  const port = running ?? (await freePort());
  if (running === undefined) {
    const image = await ensureImage(socket);
    await startContainer(socket, image, port);
    console.log(`    container ${name} is started`);
  } else {
    console.log(`    container ${name} is running already`);
  }
  const url = `http://127.0.0.1:${port}/`;
  console.log(`    ${url} answers: ${await fetchPage(url)}`);
}

async function dockerSocket(): Promise<string> {
  const outcome = await run([join(import.meta.dir, "../dist/qn"), "status", "--json"]);
  if (outcome.exitCode !== 0) throw new Error(outcome.stderr.trim() || "the VM is not running");
  return v.parse(statusSchema, JSON.parse(outcome.stdout)).docker.socket;
}

/** One call to the Docker API; an answer of 4xx or 5xx throws what Docker says, except those in `accepted`. */
async function docker(
  socket: string,
  method: string,
  path: string,
  options: { body?: string | Blob; accepted?: number } = {},
) {
  const headers = { "Content-Type": typeof options.body === "string" ? "application/json" : "application/x-tar" };
  const body = options.body === undefined ? {} : { body: options.body };
  const response = await fetch(`http://docker${path}`, { unix: socket, method, headers, ...body });
  const text = await response.text();
  if (!response.ok && response.status !== options.accepted) throw new Error(`${method} ${path}: ${text.trim()}`);
  return { ok: response.ok, text };
}

async function portOfRunning(socket: string): Promise<number | undefined> {
  const found = await docker(socket, "GET", `/containers/${name}/json`, { accepted: 404 });
  if (!found.ok) return undefined;
  const container = v.safeParse(containerSchema, JSON.parse(found.text));
  if (!container.success || !container.output.State.Running) return undefined;
  return Number(container.output.HostConfig.PortBindings["80/tcp"][0].HostPort);
}

/**
 * An image with busybox in it. On Linux it is made from Debian's busybox-static on this machine, so that nothing has
 * to be pulled; elsewhere the machine's programs do not run in the guest, and Docker Hub has one that does.
 */
async function ensureImage(socket: string): Promise<string> {
  const busybox = process.platform === "linux" ? Bun.which("busybox") : null;
  const image = busybox === null ? "busybox:stable" : `${name}:latest`;
  if ((await docker(socket, "GET", `/images/${image}/json`, { accepted: 404 })).ok) return image;
  if (busybox === null) {
    console.log(`    pulling ${image}`);
    await docker(socket, "POST", "/images/create?fromImage=busybox&tag=stable");
    return image;
  }
  console.log(`    importing ${busybox} as the image ${image}`);
  const scratch = await mkdtemp(join(tmpdir(), "qn-hello-"));
  try {
    await mkdir(join(scratch, "bin"));
    await Bun.write(join(scratch, "bin/busybox"), Bun.file(busybox));
    const archive = Bun.spawn(["tar", "-c", "--mode=0755", "-C", scratch, "bin"]);
    const body = await new Response(archive.stdout).blob();
    if ((await archive.exited) !== 0) throw new Error(`tar ended with status ${archive.exitCode}`);
    await docker(socket, "POST", `/images/create?fromSrc=-&repo=${name}&tag=latest`, { body });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return image;
}

async function startContainer(socket: string, image: string, port: number): Promise<void> {
  await docker(socket, "DELETE", `/containers/${name}?force=true`, { accepted: 404 });
  const serve = `busybox mkdir -p /www && echo "${page}" >/www/index.html && exec busybox httpd -f -p 80 -h /www`;
  const container = {
    Image: image,
    Cmd: ["busybox", "sh", "-c", serve],
    Labels: { "qn.hello": "true" },
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] } },
    // As the container's first process httpd ignores SIGTERM, and every `qn down` would wait for it.
    StopSignal: "SIGKILL",
  };
  await docker(socket, "POST", `/containers/create?name=${name}`, { body: JSON.stringify(container) });
  await docker(socket, "POST", `/containers/${name}/start`);
}

/** The port was free a moment ago; that is as much as anyone can know. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}

/** Nothing tells when a program in a container has started to listen, so this asks until it answers. */
async function fetchPage(url: string): Promise<string> {
  const deadlineMs = performance.now() + pageDeadlineMs;
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      const text = (await response.text()).trim();
      if (text === page) return text;
      throw new Error(`${url} answers ${response.status}: ${text.slice(0, 200)}`);
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await Bun.sleep(200);
    }
  }
}
