/** The steps of a test that needs real mounts: run by `namespace.ts` as a program of its own, with its own mount table. */
import { mkdir } from "node:fs/promises";
import { extendDaemon } from "../../src/agent/setup/daemon.ts";
import { mirrorSources, sweepDeleted } from "../../src/agent/files/tmp/mirror.ts";
import { serveGuest } from "../../src/agent/main.ts";
import { messageOf } from "../../src/base/errors.ts";
import { ownArch } from "../../src/system/platform.ts";
import { sshAgentPath } from "../../src/protocol/terms.ts";
import { connect, listen, type Listener } from "../../src/system/net/connection.ts";
import { run } from "../../src/system/process.ts";
import { testBoot } from "./boot.ts";
import { fakeDocker } from "./fake-docker.ts";
import { receive } from "./streams.ts";

/** One step; each gives back one text. */
export type Step =
  /** Runs a script; what it prints, and "status N" when it fails. `$host` and `$guest` are the two folders. */
  | { readonly sh: string }
  /** Mirrors one bind source of the guest's folder; nothing, or what went wrong. */
  | { readonly mirror: string; readonly createMissing: boolean }
  /** Puts the user's part of daemon.json over `$guest/daemon.json`. */
  | { readonly daemon: Readonly<Record<string, unknown>> }
  /** Takes away what the host has deleted. */
  | { readonly sweep: true }
  /** Has the host listen at a socket in its folder, and say "host" to whoever comes. */
  | { readonly socket: string }
  /** What is heard at a socket, or the error's code. */
  | { readonly connect: string }
  /** Asks the authorization plugin of the whole agent; its answer. `binds` are below the guest's folder. */
  | { readonly create: readonly string[] }
  | { readonly start: string };

const [stepsText = "[]", root = ""] = process.argv.slice(2);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by namespace.ts
const steps = JSON.parse(stepsText) as Step[];
const host = `${root}/host`;
const guest = `${root}/guest`;
await Promise.all([mkdir(host), mkdir(guest)]);

const outcomes: string[] = [];
/** The host's own. */
const servers: Listener[] = [];
const plugin = steps.some((step) => "create" in step || "start" in step) ? await wholeAgent() : undefined;
for (const step of steps) outcomes.push(await perform(step));
process.stdout.write(JSON.stringify(outcomes));
await plugin?.stop();
for (const server of servers) server.closeAll();

async function perform(step: Step): Promise<string> {
  if ("sh" in step) {
    const { stdout, stderr, exitCode } = await run(["sh", "-c", step.sh], { env: { ...process.env, host, guest } });
    return `${stdout}${stderr}`.trim() + (exitCode === 0 ? "" : ` status ${exitCode}`);
  }
  if ("mirror" in step) {
    try {
      await mirrorSources({ asides: [host], folder: guest }, [
        { path: `${guest}${step.mirror}`, createMissing: step.createMissing },
      ]);
      return "";
    } catch (error) {
      return messageOf(error).replaceAll(root, "");
    }
  }
  if ("daemon" in step) {
    await extendDaemon(step.daemon, { own: `${guest}/daemon.json`, merged: `${host}/merged.json` });
    return "";
  }
  if ("sweep" in step) {
    await sweepDeleted({ asides: [host], folder: guest });
    return "";
  }
  if ("socket" in step) {
    const server = listen({ unix: `${host}${step.socket}` }, (client) => {
      client.write("host");
      client.end();
    });
    servers.push(server);
    return "";
  }
  if ("connect" in step) return await heardAt(step.connect.replace("$guest", guest));
  if (plugin === undefined) return "no plugin";
  if ("start" in step) return await plugin.ask("POST", `/v1.45/containers/${step.start}/start`, undefined);
  const HostConfig = { Binds: step.create.map((bind) => `${guest}${bind}`) };
  return await plugin.ask("POST", "/v1.45/containers/create?name=x", { Image: "busybox", HostConfig });
}

async function heardAt(path: string): Promise<string> {
  try {
    const received = receive(await connect({ unix: path }));
    await received.ended;
    return received.whole.toString();
  } catch (error) {
    return String(error);
  }
}

/** The agent's role "tmp" from login to plugin; what only a guest has is stood in for by the mounts of this namespace. */
async function wholeAgent() {
  // What it writes outside of its shares goes into folders that end with this namespace.
  for (const folder of ["/run", "/var/lib"]) await run(["mount", "-t", "tmpfs", "empty", folder]);
  // A share that is mounted already is left as it is, so a bind mount by the share's tag stands for the 9p mount.
  const script = `mkdir -p /run/qn/tmp && mount -t tmpfs qn0 /run/qn/tmp && mount --bind "$1" /run/qn/tmp`;
  await run(["sh", "-c", script, "sh", host]);
  // Docker's record of a container that it starts by itself, and of one that it does not.
  await run(["mount", "-t", "tmpfs", "state", "/var/lib"]);
  for (const [name, policy] of [
    ["always", "always"],
    ["never", "no"],
  ] as const) {
    const record = { Binds: [`${guest}/of-${name}:/x`], RestartPolicy: { Name: policy } };
    await Bun.write(`/var/lib/qn/docker/containers/${name}/hostconfig.json`, JSON.stringify(record));
  }
  const docker = await fakeDocker({ socketPath: "/run/docker.sock" });
  docker.inspected["old"] = { Id: "f00d", Name: "/old", HostConfig: { Binds: [`${guest}/of-old:/x`] } };
  // A link to the folder, as /tmp is one on a Mac.
  const share = { tag: "qn0", path: guest, readOnly: false, folder: "/run/qn/tmp", links: [`${root}/alias`] };
  const sockets = [
    { name: "ssh-agent", paths: [sshAgentPath, `${root}/alias/deep/s.sock`] },
    { name: "/var/run/outside/o.sock", paths: ["/var/run/outside/o.sock"] },
    { name: `${guest}/direct.sock`, paths: [`${guest}/direct.sock`] },
  ];
  const boot = testBoot({ shares: [share], sockets });
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const identity = { version: "0.0.0", arch: ownArch(), image: "none" };
  const served = serveGuest(boot, identity, { roles: ["tmp"], signal: stopping.signal, onReady: resolve });
  await Promise.race([ready, served]);
  return {
    async ask(RequestMethod: string, RequestUri: string, body: unknown): Promise<string> {
      const RequestBody = body === undefined ? undefined : Buffer.from(JSON.stringify(body)).toString("base64");
      const response = await fetch("http://plugin/AuthZPlugin.AuthZReq", {
        unix: "/run/docker/plugins/qn-tmp.sock",
        method: "POST",
        body: JSON.stringify({ RequestMethod, RequestUri, RequestBody }),
      });
      return (await response.text()).replaceAll(root, "");
    },
    async stop() {
      stopping.abort();
      await served;
      await docker.stop();
    },
  };
}
