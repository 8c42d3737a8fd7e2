/** The answers of `qn why`, each as a whole. */
import { expect, test } from "bun:test";
import { explainPort } from "../../../../../src/host/lifecycle/why/explain.ts";
import type { PortFacts, Publish, VmFacts } from "../../../../../src/host/lifecycle/why/question.ts";
import type { ForwardStatus } from "../../../../../src/host/supervisor/messages.ts";
import type { PortHolder } from "../../../../../src/system/port-holders.ts";

const forward = (hostIp: string, changes: Partial<ForwardStatus> = {}): ForwardStatus => ({
  protocol: "tcp",
  hostIp,
  hostPort: 8080,
  container: "web",
  source: "docker",
  guestPort: null,
  state: "open",
  refusal: null,
  connections: 1,
  bytes: 1024,
  error: null,
  ...changes,
});

const publish = (changes: Partial<Publish> = {}): Publish => ({
  protocol: "tcp",
  container: "web",
  state: "running",
  hostIp: "",
  containerPort: 80,
  asked: "port",
  ...changes,
});

const vm = (changes: Partial<VmFacts> = {}): VmFacts => ({
  name: "default",
  state: "running",
  problem: undefined,
  forwards: [],
  publishes: [],
  unheard: [],
  supervisorPid: 10,
  qemuPid: 11,
  wayIn: undefined,
  denied: undefined,
  slot: undefined,
  ...changes,
});

const holder = (pid: number | undefined, addresses: string[], changes: Partial<PortHolder> = {}): PortHolder => ({
  protocol: "tcp",
  addresses,
  pid,
  name: "nginx",
  command: ["nginx", "-g", "daemon off;"],
  ...changes,
});

const supervisor = (name: string) => ({ name: "qn", command: ["/usr/bin/qn", "supervise", name, "--flags", "{}"] });

/** The answer to the facts, as "rule: sentence", then the notes. */
function answer(facts: Partial<PortFacts>): string[] {
  const whole = { question: { port: 8080, protocol: undefined }, holders: [], rights: undefined, vms: [] };
  const { reasons, notes } = explainPort({ ...whole, ...facts });
  return [...reasons.map(({ rule, text }) => `${rule}: ${text}`), ...notes];
}

test("a forward says where it listens, what it carries, and that ports.bind decided; its listener is not told again", () => {
  const forwards = [forward("127.0.0.1"), forward("::1", { connections: 0, bytes: 512 })];
  const holders = [holder(10, ["127.0.0.1", "::1"], supervisor("default"))];
  expect(answer({ vms: [vm({ forwards, publishes: [publish()] })], holders })).toEqual([
    'ports.bind: Port 8080/tcp is forwarded to the container "web" of the VM "default": it listens on 127.0.0.1 and ::1, 1 connection open, 1.5 KiB carried. Docker publishes its port 80/tcp on no address in particular, and ports.bind is loopback.',
  ]);
});

test("an address that was asked for, a number that Docker chose and a client that was turned away are said", () => {
  const forwards = [forward("192.168.1.5", { error: "No container publishes tcp port 8080" })];
  const publishes = [publish({ hostIp: "192.168.1.5", asked: "any" })];
  expect(answer({ vms: [vm({ forwards, publishes })] })).toEqual([
    'docker: Port 8080/tcp is forwarded to the container "web" of the VM "default": it listens on 192.168.1.5, 1 connection open, 1 KiB carried. Docker publishes its port 80/tcp on 192.168.1.5 alone (Docker chose the number), and so it is. The last client that was turned away: No container publishes tcp port 8080.',
  ]);
  expect(answer({ vms: [vm({ forwards: [forward("0.0.0.0")], publishes: [publish({ asked: "range" })] })] })).toEqual([
    'ports.bind: Port 8080/tcp is forwarded to the container "web" of the VM "default": it listens on 0.0.0.0, 1 connection open, 1 KiB carried. Docker publishes its port 80/tcp on no address in particular (Docker chose the number from the range asked for), and ports.bind is all.',
  ]);
});

test("a forward that is no container's says whose it is, and why it is there", () => {
  const forwards = [
    forward("127.0.0.1", { source: "hand", container: "guest:80", guestPort: 80 }),
    forward("127.0.0.2", { source: "nspawn", container: "shop" }),
    forward("127.0.0.3", { source: "listen", container: "nginx" }),
    forward("127.0.0.5", { source: "swarm", container: "store" }),
    forward("127.0.0.6", { source: "host-network", container: "dev" }),
    forward("127.0.0.4", {
      source: "hand",
      container: "guest:81",
      guestPort: 81,
      state: "failed",
      error: "It is not.",
    }),
  ];
  const carries = (where: string): string => `it listens on ${where}, 1 connection open, 1 KiB carried`;
  // A container of the same name is another matter.
  expect(answer({ vms: [vm({ forwards, publishes: [publish({ container: "shop", state: "exited" })] })] })).toEqual([
    'refused: Port 81 of the guest of the VM "default" wants port 8080/tcp on 127.0.0.4, and does not get it: It is not.',
    `hand: Port 8080/tcp is forwarded to port 80 of the guest of the VM "default": ${carries("127.0.0.1")}. It was made with \`qn ports add\`.`,
    `nspawn: Port 8080/tcp is forwarded to the systemd-nspawn machine "shop" of the VM "default": ${carries("127.0.0.2")}. systemd-nspawn publishes it.`,
    `listen: Port 8080/tcp is forwarded to the program "nginx" in the guest of the VM "default": ${carries("127.0.0.3")}. The program listens there, and ports.listen is on.`,
    `swarm: Port 8080/tcp is forwarded to the service "store" of the swarm in the VM "default": ${carries("127.0.0.5")}. Docker's swarm publishes it.`,
    `host-network: Port 8080/tcp is forwarded to the container "dev" in the network of the VM "default": ${carries("127.0.0.6")}. The container has the guest's own network and listens there, and ports.listen is not false.`,
    'docker: The container "shop" of the VM "default" is exited now, and gets port 8080/tcp when it starts.',
  ]);
});

test("what failed comes first, with its error and the rule, and whoever has the port after it", () => {
  const error = "Port 8080 on 127.0.0.1 is taken by nginx (pid 5).";
  const forwards = [forward("127.0.0.1", { state: "failed", error, refusal: "taken" }), forward("::1")];
  expect(answer({ vms: [vm({ forwards })], holders: [holder(5, ["0.0.0.0"])] })).toEqual([
    `taken: The container "web" of the VM "default" wants port 8080/tcp on 127.0.0.1, and does not get it: ${error}`,
    'docker: Port 8080/tcp is forwarded to the container "web" of the VM "default": it listens on ::1, 1 connection open, 1 KiB carried. Docker publishes it.',
    "other: nginx (pid 5) holds port 8080/tcp on 0.0.0.0.",
  ]);
});

test("an address that is not this machine's, rights that are missing, and SCTP are rules of their own", () => {
  const failed = (refusal: ForwardStatus["refusal"], error: string, changes: Partial<ForwardStatus> = {}) => [
    vm({ forwards: [forward("127.0.0.1", { state: "failed", error, refusal, ...changes })] }),
  ];
  const wanted = 'The container "web" of the VM "default" wants port';
  expect(answer({ vms: failed("address", "This machine has no such address.", { hostIp: "172.17.0.1" }) })).toEqual([
    `address: ${wanted} 8080/tcp on 172.17.0.1, and does not get it: This machine has no such address.`,
  ]);
  const denied = "Port 8080 on 127.0.0.1 is not forwarded: ports.deny of this VM has 8000-8100.";
  expect(answer({ vms: failed("denied", denied) })).toEqual([
    `ports.deny: ${wanted} 8080/tcp on 127.0.0.1, and does not get it: ${denied}`,
  ]);
  expect(answer({ vms: failed("rights", "It needs rights.") })).toEqual([
    `refused: ${wanted} 8080/tcp on 127.0.0.1, and does not get it: It needs rights.`,
  ]);
  expect(answer({ vms: failed("protocol", "SCTP cannot be forwarded", { protocol: "sctp" }) })).toEqual([
    `sctp: ${wanted} 8080/sctp on 127.0.0.1, and does not get it: SCTP cannot be forwarded.`,
  ]);
});

test("a holder at another address does not explain a failure", () => {
  const forwards = [forward("127.0.0.1", { state: "failed", error: "It needs rights.", refusal: "rights" })];
  const [first] = answer({ vms: [vm({ forwards })], holders: [holder(5, ["192.168.1.5"])] });
  expect(first).toStartWith("refused: ");
});

test("a container that does not run is told with what will happen when it starts", () => {
  const publishes = [publish({ state: "exited" })];
  const name = 'The container "web" of the VM "default" is exited now, and';
  expect(answer({ vms: [vm({ publishes })] })).toEqual([`docker: ${name} gets port 8080/tcp when it starts.`]);
  expect(answer({ vms: [vm({ publishes: [publish({ state: "exited", asked: "range" })] })] })).toEqual([
    `docker: ${name} may get port 8080/tcp from its range when it starts.`,
  ]);
  const holders = [holder(77, ["127.0.0.1"], supervisor("web"))];
  expect(answer({ vms: [vm({ publishes })], holders })).toEqual([
    'qn: The supervisor of the VM "web" (pid 77) holds port 8080/tcp on 127.0.0.1.',
    `taken: ${name} gets port 8080/tcp when it starts, which fails as long as the supervisor of the VM "web" (pid 77) has it.`,
  ]);
  const other = vm({ name: "web", supervisorPid: 77, forwards: [forward("127.0.0.1", { container: "shop" })] });
  expect(answer({ vms: [vm({ publishes }), other], holders }).at(-1)).toBe(
    `taken: ${name} gets port 8080/tcp when it starts, which fails as long as the container "shop" of the VM "web" has it.`,
  );
});

test("a container that runs without its forward is told as a failure, with the state of its VM", () => {
  const publishes = [publish()];
  const text = 'The container "web" of the VM "default" publishes port 8080/tcp, but there is no forward:';
  expect(answer({ vms: [vm({ publishes })] })).toEqual([`docker: ${text} see \`qn logs\`.`]);
  expect(answer({ vms: [vm({ publishes, state: "degraded", problem: "The agent is silent." })] })).toEqual([
    `docker: ${text} the VM is degraded.`,
    'The VM "default" could not be asked: The agent is silent.',
  ]);
});

test("qn's own ways into a VM are told as what they are", () => {
  const holders = [holder(11, ["127.0.0.1"], { name: "qemu-system-x86", command: [] })];
  expect(answer({ vms: [vm({ wayIn: "ssh" })], holders })).toEqual([
    'qn: QEMU of the VM "default" (pid 11) holds port 8080/tcp on 127.0.0.1: it is the VM\'s own way in, for ssh.',
  ]);
});

test("rules of a VM that have the port are told last, whoever wants it", () => {
  const vms = [vm({ denied: "8000-8100" }), vm({ name: "web", slot: { first: 8000, last: 8511 } })];
  expect(answer({ vms })).toEqual([
    "none: Nobody holds port 8080 on this machine, and no container that qn can see wants it.",
    'ports.deny: The VM "default" forwards it for nobody: its ports.deny has 8000-8100.',
    'slot: Docker in the VM "web" gives port 8080 to a container that asks for any: it has 8000-8511 for that.',
  ]);
});

test("only the protocol that was asked for is explained", () => {
  const holders = [holder(5, ["::"]), holder(undefined, ["0.0.0.0"], { protocol: "udp", command: [] })];
  expect(answer({ holders })).toEqual([
    "other: nginx (pid 5) holds port 8080/tcp on ::.",
    "other: Another user's process holds port 8080/udp on 0.0.0.0.",
  ]);
  expect(answer({ holders, question: { port: 8080, protocol: "udp" } })).toEqual([
    "other: Another user's process holds port 8080/udp on 0.0.0.0.",
  ]);
});

test("a port that is nobody's is said to be so, and what could not be asked is not hidden", () => {
  const vms = [
    vm({ name: "off", state: "stopped" }),
    vm({ name: "broken", state: "failed", problem: "A setting is wrong." }),
  ];
  expect(answer({ vms, question: { port: 9, protocol: "tcp" } })).toEqual([
    "none: Nobody holds port 9/tcp on this machine, and no container that qn can see wants it.",
    'The VM "off" is stopped; what its containers publish shows only while it runs.',
    'The VM "broken" could not be asked: A setting is wrong.',
  ]);
});

test("a port that nobody has may be one of a container in the guest's own network, and then the setting is named", () => {
  const nobody = "none: Nobody holds port 8080 on this machine, and no container that qn can see wants it.";
  expect(answer({ vms: [vm({ unheard: ["web", "db"] })] })).toEqual([
    nobody,
    'ports.listen: The VM "default" forwards no port of web and db in its own network: its ports.listen is false.',
  ]);
  expect(answer({ vms: [vm({})] })).toEqual([nobody]);
});

test("a port that this user may not listen on is told with the remedy before anybody tries", () => {
  const question = { port: 80, protocol: undefined };
  expect(answer({ question, rights: "Users may not. `sudo sysctl` changes that.", vms: [vm({})] })).toEqual([
    "none: Nobody holds port 80 on this machine, and no container that qn can see wants it.",
    "refused: qn cannot forward it. Users may not. `sudo sysctl` changes that.",
  ]);
  const error = "Port 80 needs rights.";
  const forwards = [forward("127.0.0.1", { state: "failed", hostPort: 80, error, refusal: "rights" })];
  expect(answer({ question, rights: "Users may not.", vms: [vm({ forwards })] })).toEqual([
    `refused: The container "web" of the VM "default" wants port 80/tcp on 127.0.0.1, and does not get it: ${error}`,
  ]);
});
