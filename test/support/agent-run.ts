/** The whole agent or one role of it, in namespaces of its own where nothing else is: run by roles.test.ts as a program. */
import { readdir } from "node:fs/promises";
import { type Role, serveGuest } from "../../src/agent/main.ts";
import { messageOf } from "../../src/base/errors.ts";
import { gateGuestPort, slirp } from "../../src/protocol/messages.ts";
import { isThere } from "../../src/system/files.ts";
import { connect } from "../../src/system/net/connection.ts";
import { ownArch } from "../../src/system/platform.ts";
import { run } from "../../src/system/process.ts";
import { testBoot } from "./boot.ts";
import { fakeDocker } from "./fake-docker.ts";

/** What is there while it serves. */
export type AgentSeen = {
  /** The sockets of plugins, and what each says to a container that mounts a folder that nobody shares. */
  readonly plugins: Readonly<Record<string, unknown>>;
  readonly hasGate: boolean;
  readonly hasLogin: boolean;
  /** What nft was told, in part. */
  readonly firewall: string;
  /** What went wrong by the time of its end. */
  readonly error: string;
};

const [tools = "", ...roles] = process.argv.slice(2);

// As in a guest: folders of its own, slirp's address, the doorbell's port; nft is one in `tools` that only notes what it is told.
const script = `set -e
for folder in /run /var/lib /dev; do mount -t tmpfs own $folder; done
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9; mkdir /dev/virtio-ports; touch /dev/virtio-ports/qn.agent
mkdir -p /run/qn
ip link set lo up; ip addr add ${slirp.guest}/32 dev lo
printf '#!/bin/sh\\necho "$*" >> ${tools}/told; case "$*" in *monitor*) exec sleep 1000 ;; esac\\n' > ${tools}/nft
chmod +x ${tools}/nft`;
const prepared = await run(["sh", "-c", script]);
if (prepared.exitCode !== 0) throw new Error(prepared.stderr);

await using _docker = await fakeDocker({ socketPath: "/run/docker.sock" });
const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
const stopping = new AbortController();
const served = serveGuest(
  testBoot({ hostPorts: [4711] }),
  { version: "0.0.0", arch: ownArch(), image: "none" },
  { roles: roles as Role[], signal: stopping.signal, onReady },
);
await Promise.race([ready, served]);
const seen = {
  plugins: await askPlugins(),
  hasGate: await hasGate(),
  hasLogin: await isThere("/run/qn/authorized_keys/root"),
  firewall: await Bun.file(`${tools}/told`)
    .text()
    .catch(() => ""),
};
stopping.abort();
const error = await served.then(() => "", messageOf);
const result: AgentSeen = { ...seen, error };
process.stdout.write(JSON.stringify(result));

async function askPlugins(): Promise<Record<string, unknown>> {
  const folder = "/run/docker/plugins";
  const sockets = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isSocket());
  const asked = { HostConfig: { Binds: ["/home/nobody/src:/src"] } };
  const question = {
    RequestMethod: "POST",
    RequestUri: "/v1.45/containers/create",
    RequestBody: Buffer.from(JSON.stringify(asked)).toString("base64"),
  };
  const answers = sockets.map(async ({ name }) => {
    const body = JSON.stringify(question);
    const answer = await fetch("http://plugin/AuthZPlugin.AuthZReq", {
      unix: `${folder}/${name}`,
      method: "POST",
      body,
    });
    return [name, ((await answer.json()) as { Allow?: unknown }).Allow] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}

async function hasGate(): Promise<boolean> {
  try {
    (await connect({ hostname: slirp.guest, port: gateGuestPort })).reset();
    return true;
  } catch {
    return false;
  }
}
