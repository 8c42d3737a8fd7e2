/** Lines that decide who comes in, whose bytes go where, how much may wait, and where the host listens. */
import type { Rows } from "./mutant.ts";

const [unit, contract] = ["test/unit", "test/contract"];
const gate = `${contract}/agent/link/gate.test.ts`;
const again = `${contract}/host/gate/again.test.ts`;

/** Whose lines they are stands above each group. */
export const linesOfWays: readonly Rows[] = [
  // Who comes through the gate.
  [
    "src/protocol/handshake.ts",
    [`${unit}/protocol/handshake.test.ts`],
    ["Buffer.from(given), Buffer.from(wanted)", "Buffer.from(given.slice(0, 8)), Buffer.from(wanted.slice(0, 8))"],
    ['  expectEqual(proof, prove("host", secret, agentNonce, nonce));\n', ""],
    ['  expectEqual(proof, prove("agent", secret, agentNonce, hostNonce));\n', ""],
    ["\\n${role}\\n", "\\n"],
    ["\\n${agentNonce}\\n", "\\n"],
    ["\\n${hostNonce}`", "`"],
  ],
  [
    "src/agent/link/gate.ts",
    [gate],
    [
      "const lines = linesOf(connection, new LineReader(handshakeLineBytesMax));",
      "const lines = linesOf(connection, new LineReader());",
    ],
    ["unproven.size >= unprovenMax", "unproven.size >= Infinity"],
    ["      oldest.reset();\n", ""],
    ["    onSettled();\n", ""],
    [
      "connection.write(encode(confirm(answer, options.secret, nonce)));",
      "try { connection.write(encode(confirm(answer, options.secret, nonce))); } catch {}",
    ],
  ],
  [
    "src/host/gate/pool.ts",
    [again],
    ["      onData: () => connection.reset(),\n", "      onData: () => {},\n"],
    ["if (!isSilent) connection.reset();\n    if (!isSilent) throw", "if (false) throw"],
    ["idle.length >= idleMax", "idle.length >= Infinity"],
  ],
  ["src/host/gate/stream.ts", [again], ["isReused = opened.reuse === true;", "isReused = true;"]],
  ["src/agent/link/gate.ts", [again], ["if (rest.length > 0) return connection.reset();", ""]],
  [
    "src/host/gate/client-limit.ts",
    [`${contract}/host/gate/client-limit.test.ts`],
    ["this.#waiting.size >= this.#limits.waitingOfForward", "false"],
    ["this.#taken < this.#limits.ofForward && ", ""],
    [" && this.#all.hasRoom", ""],
    ["      onEnd: leave,\n      onClose: leave,\n", ""],
  ],
  [
    "src/host/gate/waiting.ts",
    [`${contract}/host/gate/pool.test.ts`],
    ['mayBePort ? ["own", "port"] : ["own"]', '["port", "own"]'],
    ['gone?.addEventListener("abort", leave, { once: true });', ""],
  ],
  [
    "guest/nftables.conf",
    [`${contract}/agent/setup/firewall.test.ts`],
    ['iifname "uplink" ip saddr 10.0.2.2 accept', "ip saddr 10.0.2.2 accept"],
    ["\t\ttcp dport { 1021, 1022 } drop\n", ""],
    [
      "hook output priority filter - 10; policy accept;\n\t\tip daddr 10.0.2.2 tcp dport @host_ports drop",
      "hook output priority filter - 10; policy accept;",
    ],
    [
      "hook forward priority filter - 10; policy accept;\n\t\tip daddr 10.0.2.2 tcp dport @host_ports drop",
      "hook forward priority filter - 10; policy accept;",
    ],
    ["th dport != 53 drop\n\t}\n\n\tchain forward", "th dport 0 drop\n\t}\n\n\tchain forward"],
    ["th dport != 53 drop\n\t}\n\n\t# A container", "th dport 0 drop\n\t}\n\n\t# A container"],
  ],
  // Whose bytes a stream carries.
  [
    "src/system/net/carry.ts",
    [`${contract}/system/net/carry.test.ts`, again],
    [
      'if (reader.rest.length > 0 && !stream.isOuterOver) throw new Error("Bytes came behind the end of a stream.");',
      "",
    ],
    ["else if (!stream.isOuterOver || !reader.isOver) abandon(inner);", ""],
    ["if (!reader.isOver || !stream.isOuterOver) breakOuter();", ""],
    ["if (!writeAll(outer, own)) inner.pause();", "writeAll(outer, own);"],
  ],
  [
    "src/system/net/carry.ts",
    [`${contract}/host/gate/pool-chance.test.ts`],
    ["if (outer.isClosed && own.length > 0) return abandon(inner);", ""],
  ],
  [
    "src/protocol/piece.ts",
    [`${unit}/protocol/piece.test.ts`],
    ["if (this.#length > pieceBytesMax) throw", "if (false) throw"],
    ["if (this.#isOver && bytes.length > 0) throw", "if (false) throw"],
  ],
  [
    "src/protocol/frame.ts",
    [`${unit}/protocol/frame.test.ts`],
    ["if (Math.max(end, end < 0 ? this.#buffer.length : 0) > this.#maxBytes)", "if (false)"],
    ["end < 0 ? this.#buffer.length : 0", "0"],
  ],
  // What a flood may take.
  [
    "src/system/net/conversation.ts",
    [`${contract}/system/net/conversation.test.ts`],
    ["connection.limitUnread(unreadBytesMax, () => this.#end(new UnreadError(unreadBytesMax)));", ""],
    ["this.#underWay < this.#atOnce", "true"],
    ["    this.#connection.pause();\n", ""],
    ["if (performance.now() > this.#turnEndsMs)", "if (false)"],
  ],
  [
    "src/host/ports/udp.ts",
    [`${contract}/host/ports/udp-flood.test.ts`],
    ["    all.makeRoom();\n", ""],
    ['{ rank: "port", gone: this.#gone.signal }', '{ rank: "port" }'],
    ["return this.#options.gateway.flows.hold(bytes);", "return true;"],
    ["    this.#takeWaiting();\n    this.#idle.cancel();", "    this.#idle.cancel();"],
  ],
  [
    "src/host/gate/flow-limit.ts",
    [`${contract}/host/ports/udp-flood.test.ts`],
    ["port.size > most.size ? port : most", "most"],
  ],
  [
    "src/host/gate/stream.ts",
    [`${contract}/host/gate/answers.test.ts`],
    ["new LineReader(openedBytesMax)", "new LineReader()"],
  ],
  [
    "src/host/ports/udp.ts",
    [`${contract}/host/ports/udp.test.ts`],
    ["new LineReader(openedBytesMax)", "new LineReader()"],
  ],
  [
    "src/host/gate/listener-limit.ts",
    [`${unit}/host/gate/listener-limit.test.ts`],
    ["if (this.#count >= this.#max) throw", "if (false) throw"],
    ["if (isOpen) this.#count -= 1;", "this.#count -= 1;"],
  ],
  [
    "src/host/ports/apply.ts",
    [`${contract}/host/ports/refused.test.ts`],
    [
      "await this.#gateway.listeners.open(() =>",
      "await (async (open: () => Listener | Promise<Listener>) => await open())(() =>",
    ],
  ],
  [
    "src/host/gate/gateway.ts",
    [`${contract}/host/ports/udp-flood.test.ts`],
    ["(await this.#nextPool(gone))", "(await this.#nextPool(undefined))"],
  ],
  [
    "src/host/gate/client-limit.ts",
    [`${contract}/host/gate/client-limit.test.ts`],
    ["for (const other of this.#silent) other.pause();", ""],
    ["    else client.pause();", ""],
    [" || this.#all.isLineFull", ""],
    ["this.#all.forget(client, early.length);", ""],
    ["this.#all.forget(client, waiter.early.length);", ""],
  ],
  [
    "src/system/net/connection.ts",
    [`${contract}/system/net/connection.test.ts`],
    [
      "withMask(ownersFilesMask, () => Bun.listen<Connection>({ ...address, allowHalfOpen: true, socket: handlers }))",
      "Bun.listen<Connection>({ ...address, allowHalfOpen: true, socket: handlers })",
    ],
  ],
  [
    "src/system/net/connection.ts",
    [`${contract}/host/ports/apply.test.ts`],
    ["exclusive: true, ipv6Only: true", "exclusive: true"],
  ],
  [
    "src/system/docker-api.ts",
    [`${contract}/system/docker-api.test.ts`],
    ['responseType: "stream", ignoreResponseError: true', 'responseType: "text", ignoreResponseError: true'],
    ["  if (!response.ok) throw", "  if (false) throw"],
  ],
  [
    "src/agent/names/dns-server.ts",
    [`${contract}/agent/names/clients.test.ts`],
    ["(connectionsOf.get(client) ?? 0) >= connectionsOfOneMax", "false"],
    ["isOneTooMany || connections >= connectionsMax", "isOneTooMany"],
    ["onDone: () => count(client, -1)", "onDone: () => {}"],
  ],
  // Where the host listens.
  [
    "src/host/ports/apply.ts",
    [`${contract}/host/ports/refused.test.ts`],
    ["if (!isAddress(hostIp)) throw new NoAddress();", ""],
    ["if (rule !== undefined) throw new DeniedPort(rule);", ""],
  ],
  [
    "src/host/ports/apply.ts",
    [`${contract}/host/gate/stream.test.ts`],
    [
      "const working = this.#forwards.filter((forward) => forward.listener !== undefined);",
      "const working = this.#forwards;",
    ],
  ],
  [
    "src/host/ports/listener-plan.ts",
    [`${contract}/host/ports/refused.test.ts`, `${unit}/host/ports/listener-plan.test.ts`],
    ['rules.bind === "strict" && !isLoopback(hostIp)', "false"],
    ["return canonicalIp(hostIp) === hostIp;", "return canonicalIp(hostIp) !== undefined;"],
    ['strict: ["127.0.0.1", "::1"]', 'strict: ["0.0.0.0", "::"]'],
    ['loopback: ["127.0.0.1", "::1"]', 'loopback: ["0.0.0.0", "::"]'],
  ],
  [
    "src/base/ip.ts",
    [`${unit}/base/ip.test.ts`],
    ["(?:0|[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-5])", "(?:\\d+)"],
    ["(?:\\.${number}){3}$", "(?:\\.${number}){1,3}$"],
    [" || !v6Letters.test(text)", ""],
    ['v4.test(address) && address.startsWith("127.")', 'address.startsWith("127.")'],
  ],
];
