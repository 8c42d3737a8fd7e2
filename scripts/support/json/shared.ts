/** Fields that several of qn's outputs have. */
import type { JsonOutputs } from "../../../src/cli/json-outputs.ts";
import type { Fields } from "./fields.ts";

export const protocols = { tcp: "", udp: "", sctp: "" } as const;
export const phases = { image: "", disks: "", boot: "", agent: "", docker: "" } as const;
export const states = {
  stopped: "",
  starting: "",
  running: "",
  degraded: "",
  suspending: "",
  paused: "",
  asleep: "",
  suspended: "",
  stopping: "",
  failed: "",
} as const;
export const arches = { x86_64: "", aarch64: "" } as const;

export const sources = { docker: "", swarm: "", nspawn: "", "host-network": "", listen: "", hand: "" } as const;

export const forward = {
  protocol: ["text", "Of the published port", protocols],
  hostIp: ["text", "The address of this machine on which it listens"],
  hostPort: ["number", "The port of this machine"],
  container: ["text", "Who has published it; for a forward by hand the guest"],
  source: ["text", "What has made it", sources],
  guestPort: ["number or null", "The guest's own port that a forward by hand leads to"],
  state: ["text", "Whether it listens", { open: "", failed: "" }],
  refusal: [
    "text or null",
    "Why it does not listen, for programs",
    { taken: "", rights: "", address: "", denied: "", protocol: "", other: "" },
  ],
  connections: ["number", "Connections that are open"],
  bytes: ["number", "Bytes carried, both ways"],
  error: ["text or null", "Why it does not listen, for people"],
} as const;

export const status: Fields<JsonOutputs["status"]> = {
  name: ["text", "The VM's name"],
  state: ["text", "What it does", states],
  reason: ["text or null", "Why it is not running, or who does not answer"],
  phase: ["text or null", "How far a start is", phases],
  arch: ["text", "The guest's architecture", arches],
  accel: ["text or null", "How it runs: kvm, hvf or tcg (emulated)"],
  cpus: ["number", "Virtual processors"],
  memoryMiB: ["number", "Memory in MiB"],
  memory: [
    "object",
    "The memory that it takes",
    {
      usedBytes: ["number or null", "What the guest's programs and kernel need; null when the guest does not say"],
      residentBytes: ["number or null", "What QEMU has of this machine's, emulation included"],
    },
  ],
  image: ["text", "The image's name"],
  docker: [
    "object",
    "The way to its Docker",
    {
      socket: ["text", "The path of its socket; `unix://` before it is a DOCKER_HOST"],
      context: ["text or null", "The Docker context that leads to it"],
      reachable: ["boolean", "Whether Docker answers"],
    },
  ],
  ssh: [
    "object",
    "The way to a shell",
    {
      host: ["text", "The address"],
      port: ["number or null", "The port, another one at each start"],
      user: ["text", "The user in the guest"],
      identityFile: ["text", "The path of the key"],
    },
  ],
  ports: ["list of objects", "The forwarded ports, as in `qn ports ls`", forward],
  mounts: [
    "list of objects",
    "The mounted folders; `qn mounts` shows each with its defaults",
    {
      path: ["text", "The folder, the same here and in the guest"],
      readOnly: ["boolean", "Whether the guest may only read"],
      driver: ["text, or not there", "What serves it, if the settings say so"],
      security: ["text, or not there", "How owners are kept, if the settings say so"],
      cache: ["text, or not there", "What the guest keeps in memory, if the settings say so"],
    },
  ],
  qemu: [
    "object",
    "The QEMU that runs it",
    { pid: ["number or null", "Its process"], version: ["text or null", "Its version"] },
  ],
  supervisor: ["object", "The process that keeps the VM", { pid: ["number or null", "Its number"] }],
  uptimeMs: ["number", "Milliseconds since it was ready; 0 when it is not"],
};
