/** Docker's answers with qn's plugins beside the same daemon without them, in the same guest. */
import { join } from "node:path";
import { until } from "../support/until.ts";
import type { Vm } from "../support/vm.ts";
import { median } from "./figures.ts";

const lists = 60;
const lives = 8;

/** What the plugins cost each call, in ms. */
export async function measureDockerCalls(vm: Vm): Promise<string[]> {
  const asked = await measure(vm);
  await inGuest(vm, "sed -i.qn '/authorization-plugins/d' /etc/docker/daemon.json && systemctl restart docker");
  const alone = await measure(vm);
  await inGuest(vm, "mv /etc/docker/daemon.json.qn /etc/docker/daemon.json && systemctl restart docker");
  return Object.entries(asked).map(([call, times]) => {
    const [ours, theirs] = [median(times), median(alone[call] ?? [])];
    const parts = `${ours.toFixed(1)} and ${theirs.toFixed(1)} ms`;
    return `${call} with the plugins beside without: ${(ours - theirs).toFixed(1)} ms more (${parts}; aim: at most 10)`;
  });
}

// --- internal ---

async function inGuest(vm: Vm, command: string): Promise<void> {
  await vm.succeed(["ssh", "-F", join(vm.folder, "ssh_config"), "root@qn-default", command]);
}

/** Times of each call, asked one after the other. */
async function measure(vm: Vm): Promise<Record<string, number[]>> {
  const { socket } = (await vm.status()).docker;
  const times: Record<string, number[]> = {};
  const ask = async (name: string, method: string, path: string, body?: object): Promise<unknown> => {
    const begin = performance.now();
    const answer = await fetch(`http://docker${path}`, {
      unix: socket,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
    (times[name] ??= []).push(performance.now() - begin);
    return text === "" ? undefined : JSON.parse(text);
  };
  await until("Docker", 120_000, async () => await ask("first", "GET", "/containers/json").catch(() => undefined));
  for (let round = 0; round < lists; round += 1) await ask("GET /containers/json", "GET", "/containers/json");
  for (let round = 0; round < lives; round += 1) {
    const made = await ask("create", "POST", "/containers/create", { Image: "busybox", Cmd: ["sleep", "1000"] });
    const { Id } = made as { Id: string };
    await ask("start", "POST", `/containers/${Id}/start`);
    await ask("rm --force", "DELETE", `/containers/${Id}?force=1`);
  }
  delete times["first"];
  return times;
}
