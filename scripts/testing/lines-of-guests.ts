/** Lines that decide what of a guest's, an image's and a container's is taken, and what a person sees of it. */
import type { Rows } from "./mutant.ts";

const [unit, contract] = ["test/unit", "test/contract"];
const copies = [`${contract}/host/cp/hostile.test.ts`];

/** Whose lines they are stands above each group. */
export const linesOfGuests: readonly Rows[] = [
  // What arrives from a guest.
  [
    "src/host/cp/copy.ts",
    copies,
    ['"--no-same-permissions", "-xf", "-"]', '"--no-same-permissions", "-xPf", "-"]'],
    ['"--no-same-permissions", "-xf", "-"]', '"-xpf", "-"]'],
    ["name: nameOf(from.path), contents", "name: nameOf(from.path) ?? head.kind, contents"],
    ['if (tamed === undefined) throw refusal("unannounced", from, to);', ""],
  ],
  [
    "src/host/cp/arrival.ts",
    copies,
    ['if (isFolder && name === undefined) return "no-name";', ""],
    ['if (kind === "folder" && there?.isDirectory() === false) return "not-a-folder";', ""],
    ["const there = await lstat(final)", "const there = await stat(final)"],
    ["lstat(final).catch(() => undefined)]);", "stat(final).catch(() => undefined)]);"],
    ["if (!there.isDirectory()) return [`${place} is no folder", "if (false) return [`${place} is no folder"],
  ],
  [
    "src/host/cp/staging-folder.ts",
    copies,
    ["if (name === undefined || others.length > 0) return undefined;", "if (name === undefined) return undefined;"],
    ['if (!(kind === "folder" ? facts.isDirectory() : facts.isFile())) return undefined;', ""],
    ["const facts = await lstat(arrived);", "const facts = await stat(arrived);"],
    ["if (!facts.isFile() && !facts.isDirectory()) {", "if (false) {"],
    ["if (last !== mode) await chmod(path, mode);", ""],
    ["const staging = await makeLocked(own);", "const staging = await makeLocked(dirname(final));"],
  ],
  [
    "src/host/cp/open-folder.ts",
    [`${contract}/host/cp/crossing.test.ts`],
    ["O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW", "O_PATH | constants.O_DIRECTORY"],
    ["at: `/proc/self/fd/${fd}`", "at: path"],
  ],
  [
    "src/system/files.ts",
    [`${contract}/host/doctor/doctor.test.ts`],
    ["O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600", "O_WRONLY | O_CREAT, 0o600"],
    ["O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600", "O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644"],
    ["O_RDONLY | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_NONBLOCK"],
    ["if (!facts.isFile()) throw new Error(`${path} is no file`);", ""],
  ],
  [
    "src/system/held-folder.ts",
    [`${contract}/system/held-folder.test.ts`],
    ["held === path || readlinkSync(held) === path", "true"],
  ],
  // What a line of it may cost.
  [
    "src/protocol/parser.ts",
    [`${unit}/protocol/parser.test.ts`],
    ["nestsIn(line) > nestsMax", "false"],
    ["letter === 0x5b || letter === 0x7b", "letter === 0x5b"],
    ["v.safeParse(schema, value, { abortEarly: true })", "v.safeParse(schema, value)"],
  ],
  [
    "src/system/docker-views.ts",
    [`${unit}/system/docker-views.test.ts`],
    ["const first = { abortEarly: true } as const;", "const first = {} as const;"],
  ],
  // How a person sees its words.
  [
    "src/host/supervisor/seam/guest-sleep.ts",
    [`${contract}/host/supervisor/suspend/suspend.test.ts`],
    ["return stopped.map(plain);", "return stopped;"],
  ],
  // What an image may be.
  [
    "src/host/image/qcow2.ts",
    [`${unit}/host/image/qcow2.test.ts`],
    ["view.getBigUint64(at.backingOffset) !== 0n || ", ""],
    ['if ((features & dataFileFeature) !== 0n) return "has an external data file";', ""],
    ['if (view.getUint32(at.encryption) !== 0) return "is encrypted";', ""],
    ["return unknown === 0n ? undefined : `has features", "return true ? undefined : `has features"],
    ["if (!(type in extensions)) return", "if (false) return"],
    ["if (reason !== undefined) return reason;\n    offset", "offset"],
  ],
  [
    "src/host/image/store.ts",
    [`${contract}/host/image/alone.test.ts`],
    ["const reason = whyNotAlone(", "const reason = false && whyNotAlone("],
  ],
  [
    "src/host/qemu/devices.ts",
    [`${unit}/host/qemu/args.test.ts`],
    ["belowIt(nodes.image, image, null)", "belowIt(nodes.image, image, undefined as never)"],
  ],
  // What a guest asks of a mount that qn serves.
  [
    "src/host/virtiofs/ring/chain.ts",
    [`${unit}/host/virtiofs/chain.test.ts`],
    ["if (head >= size) throw", "if (false) throw"],
    ["if (steps > size) throw", "if (steps > 1e6) throw"],
    ["if (index >= size) throw", "if (false) throw"],
    ["if ((flags & INDIRECT) !== 0) throw", "if (false) throw"],
    ["if (!isWritable && chain.writable.total > 0) throw", "if (false) throw"],
    ["length > bytesMax) throw", "length > Infinity) throw"],
    [" || count > indirectMax)", ")"],
    [
      "if (!memory.translate(address, length, isWritable ? chain.writable : chain.readable))",
      "memory.translate(address, length, isWritable ? chain.writable : chain.readable); if (false)",
    ],
  ],
  [
    "src/host/virtiofs/fuse/call.ts",
    [`${unit}/host/virtiofs/call.test.ts`],
    ["if (bytes[at] === DOT && (length === 1 || (length === 2 && bytes[at + 1] === DOT))) return errors.EINVAL;", ""],
    ["if (bytes[index] === SLASH) return errors.EINVAL;", ";"],
    ["end < 0 || end >= this.length ?", "end < 0 ?"],
    ["if (length > nameMax) return errors.ENAMETOOLONG;", ""],
  ],
  [
    "src/host/virtiofs/fuse/operations/names.ts",
    [`${contract}/host/virtiofs/hostile.test.ts`],
    ["flags | O_CREAT | O_EXCL | O_NOFOLLOW, share", "flags | O_CREAT, share"],
  ],
  [
    "src/host/virtiofs/fuse/operations/status.ts",
    [`${contract}/host/virtiofs/serve.test.ts`],
    ["(valid & ~set.killSetId) === (set.uid | set.gid)", "(valid & set.uid) !== 0"],
    ["=== (set.uid | set.gid)) return ended(share, slot);", "=== 0) return ended(share, slot);"],
  ],
  [
    "src/host/virtiofs/node/node-descriptors.ts",
    [`${contract}/host/virtiofs/hostile.test.ts`],
    ["this.#nodes.nameOf(next), O_PATH | O_NOFOLLOW)", "this.#nodes.nameOf(next), O_PATH)"],
  ],
  [
    "src/host/virtiofs/vhost/device.ts",
    [`${contract}/host/virtiofs/slow-syncs.test.ts`],
    ["turn < turnMax; turn += 1", "turn < Infinity; turn += 1"],
    ["else if (!ring.hasMore) continue;", "else continue;"],
  ],
  [
    "src/system/kernel/darwin/open-calls.ts",
    [`${contract}/host/virtiofs/mac.test.ts`, `${contract}/host/virtiofs/mac-metadata.test.ts`],
    ["wanted !== undefined && fileOf(opened) === wanted", "wanted !== undefined"],
    ["fileIn(status) !== named.file ? ESTALE", "false ? ESTALE"],
  ],
  [
    "src/system/kernel/darwin/file-calls.ts",
    [`${contract}/host/virtiofs/mac.test.ts`],
    ["fileIn(made) === (named?.file ?? fileOf(fd))", "true"],
  ],
  [
    "src/system/kernel/darwin/attribute-calls.ts",
    [`${contract}/host/virtiofs/mac-metadata.test.ts`],
    ["if (!isUsers(name)) return EOPNOTSUPP;", ""],
  ],
  // Which system a guest boots.
  [
    "src/host/nixos/deploy/switch.ts",
    [`${contract}/host/nixos/deploy/switch.test.ts`],
    ["(await becomesWell(options, endMs)) && ", ""],
    ['if (status === "0" && !signal.aborted) {', "if (!signal.aborted) {"],
    [" && (await dockerAnswers(paths, env))", ""],
    ['if (said === "too-late") return "late";', 'if (said === "too-late") return "done";'],
    ["if (signal.aborted) callOff();", ""],
  ],
  [
    "src/host/nixos/deploy/deploy.sh",
    [`${contract}/host/nixos/deploy/deploy-script.test.ts`],
    ["systemd-run --quiet --collect --unit=qn-rollback", "true --unit=qn-rollback"],
    ['{ rm -f "$state/new"; fail no-timer; }', "true"],
    ["decide commit || fail too-late", "decide commit"],
    ['decide "rollback: $why" || exit 0', 'decide "rollback: $why"'],
    ['[ "$status" -eq 0 ] || systemctl start --no-block qn-rollback.service', ""],
    ['if [ -e "$state/decision" ] || [ ! -e "$state/new" ]; then :; else fail busy; fi', ""],
    ['begin() {\n  require_system "$1"', "begin() {"],
  ],
  // What the settings may not say.
  [
    "src/host/config/value-schemas.ts",
    [`${unit}/host/config/own-words.test.ts`],
    ["(word) => !controlOptions.test(word)", "() => true"],
    ["(key) => !ownDaemonKeys.includes(key)", "() => true"],
    ["(name) => !ownMachineProperties.includes(name)", "() => true"],
  ],
  // What a person sees, and gives away.
  [
    "src/base/plain.ts",
    [`${unit}/base/plain.test.ts`],
    ["[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]", "[\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]"],
    ["[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]", "[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Cs}]"],
    ["[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]", "[\\p{Cc}\\p{Cf}\\p{Cs}]"],
  ],
  [
    "src/host/doctor/report.ts",
    [`${contract}/host/doctor/doctor.test.ts`],
    [", ...(await commandLines({ paths, env }))]", "]"],
    ['return typeof part === "string" ? redact(part, known)', 'return typeof part === "string" ? part'],
    [
      "return settingsForReport((await effectiveConfig(paths, env)).config);",
      "return (await effectiveConfig(paths, env)).config;",
    ],
  ],
  [
    "src/host/doctor/redact.ts",
    [`${unit}/host/doctor/redact.test.ts`],
    ['clean = clean.replaceAll(secret, "[secret]")', "clean = clean"],
    ['clean.replaceAll(hexSecret, "[secret]")', "clean"],
    ['if (homeFolder.length > 1) clean = clean.replaceAll(homeFolder, "~");', ""],
  ],
  // What a container asks of Docker.
  [
    "src/agent/docker/call.ts",
    [`${unit}/agent/docker/call.test.ts`],
    ["return decodeURIComponent(path).replace(", "return path.replace("],
    ['.replace(/^[a-z][a-z\\d+.-]*:(\\/\\/[^/]*)?/i, "")', ""],
  ],
  [
    "src/agent/files/bind-sources.ts",
    [`${contract}/agent/files/bind-sources.test.ts`],
    ['if (reasons.length > 0) throw new QnError("AGENT_FAILED", reasons.join(" "));', ""],
    ["if (!isThere || links > linksMax)", "if (!isThere)"],
    ["if (target === undefined) {", "if (true) {"],
    ["if (source.createMissing && ", "if (false && "],
  ],
  [
    "src/agent/files/bind-sources.ts",
    [`${unit}/agent/files/bind-sources.test.ts`],
    ["if (isThere) return undefined;\n", "return undefined;\n"],
    ["reached !== volumesFolder && ", ""],
  ],
  // What a guest that shall reach nothing would reach, and what is stopped for a suspend.
  ["src/host/qemu/devices.ts", [`${unit}/host/qemu/args.test.ts`], ['...(isClosed ? ["restrict=on"] : []), ', ""]],
  [
    "src/host/qemu/vm-plan.ts",
    [`${unit}/host/qemu/args.test.ts`, `${unit}/host/qemu/vm-plan.test.ts`],
    ['isClosed: config.network.reach === "none",', "isClosed: false,"],
    ['...(network.reach === "none" ? [mistake(', "...(false ? [mistake("],
  ],
  [
    "src/host/names/answer.ts",
    [`${contract}/names/whole-way.test.ts`],
    ['return reach === "none" ? async', 'return reach !== "none" ? async'],
  ],
  [
    "src/host/throwaway/template.ts",
    [`${contract}/host/throwaway/run.test.ts`],
    ['network: { ...network, tap: "none" }', 'network: { tap: "none" }'],
  ],
  [
    "src/agent/sleep/holders.ts",
    [`${unit}/agent/sleep/sleeper.test.ts`],
    ['.filter((source) => source !== "")', ""],
    ["? await volumeFolders(Id) : []", "? [] : []"],
  ],
];
