/** `qn agent tmp`: the host's files in the guest, right before Docker touches them. */
import type { Boot } from "../../protocol/messages.ts";
import { dockerApi } from "../../system/docker-api.ts";
import { inheritedSocket } from "../../system/kernel/inherited.ts";
import { Containers } from "../docker/containers.ts";
import { inOrder } from "../docker/hooks.ts";
import { servePlugin } from "../docker/plugin.ts";
import { extendDaemon } from "../setup/daemon.ts";
import { announceFlake } from "../setup/flake.ts";
import { provideLogin } from "../setup/login.ts";
import { offerProvision } from "../setup/provision/run.ts";
import { guardFullDisks } from "./full-disk.ts";
import { fileHooks } from "./hooks.ts";
import { mountShares } from "./shares.ts";

/** dockerd finds plugins by the name of their socket here. */
const pluginSocket = "/run/docker/plugins/qn-tmp.sock";

/** Sets up login and shares, then serves until `signal` fires; `onReady` is called once Docker may start. */
export async function serveTmp(boot: Boot, options: { signal: AbortSignal; onReady: () => void }): Promise<void> {
  await provideLogin(boot);
  await mountShares(boot);
  guardFullDisks(boot.shares, options.signal, onTrouble);
  await extendDaemon(boot.daemon);
  await offerProvision(boot);
  await announceFlake(boot.flake);
  const hooks = inOrder([await fileHooks(boot, new Containers(dockerApi("/run/docker.sock")), onTrouble)]);
  const plugin = await servePlugin(pluginSocket, hooks, { inherited: inheritedSocket("qn-tmp.socket") });
  options.onReady();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => resolve(), { once: true });
  await stopped;
  await plugin.close();
}

// --- internal ---

function onTrouble(text: string): void {
  process.stderr.write(`${text}\n`);
}
