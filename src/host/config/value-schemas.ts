/**
 * What a value of a setting may be: the schemas that the table of settings is written in. Each is made by a call, for a
 * command needs those of the few settings that somebody has changed.
 */
import * as v from "valibot";
import { cleanPath } from "../../base/words.ts";
import { hostSocketsMax, sshAgent } from "../../protocol/terms.ts";
import { imageSourceOf } from "./image-source.ts";
import { rangeOf } from "./port-rule.ts";

/** A whole number of a range. */
export const wholeNumber = (min: number, max: number) => () =>
  v.pipe(
    v.number("must be a number"),
    v.integer("must be a whole number"),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );

/** One of some words. */
export const oneOf =
  <const Options extends readonly string[]>(options: Options) =>
  () =>
    v.picklist(options, `must be one of ${options.join(", ")}`);

/** A switch. */
export const switchedOn = () => v.boolean("must be true or false");

const absolutePath = () =>
  v.pipe(
    v.string("must be a path"),
    v.startsWith("/", "must be an absolute path"),
    v.excludes("\0", "must have no NUL in it"),
    v.maxBytes(4_095, "must have at most 4095 bytes"),
    v.transform(cleanPath),
  );

/** Text, and some. */
export const text = () => v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));

/** A port, or a range of ports such as "6000-6063" with both ends in it. */
export const portRule = () =>
  v.pipe(
    v.union([v.number(), v.string()], "must be a port or a range such as 6000-6063"),
    v.check((rule) => rangeOf(rule) !== undefined, "must be a port from 1 to 65535 or a range such as 6000-6063"),
  );

/** A list; `example` is one, as people write it. */
export const listOf =
  <const Item extends v.GenericSchema>(item: () => Item, example: string) =>
  () =>
    v.pipe(v.array(item(), `must be a list such as ${example}`), v.readonly());

/** One, as people write it. */
export const shareExample = "{ path: /srv/data }";

/**
 * A host folder that the guest sees at the same path. `security` is how owners and special files are kept on the host,
 * none unless named; `cache` is what the guest remembers of files, none unless named (docs/files.md has both tables).
 */
export const shareSchema = () =>
  v.strictObject(
    {
      path: absolutePath(),
      readOnly: v.optional(switchedOn(), false),
      security: v.optional(oneOf(["none", "mapped-xattr"])()),
      cache: v.optional(oneOf(["mmap", "none", "loose"])()),
    },
    `must be a mapping such as ${shareExample}`,
  );

/** Sockets of the host that answer in containers; 103 bytes are the longest name of one on every system. */
export const socketReferences = () => {
  const reference = v.union(
    [v.literal(sshAgent), v.pipe(absolutePath(), v.maxBytes(103))],
    `must be ${sshAgent} or an absolute path of at most 103 bytes`,
  );
  return v.pipe(
    v.array(reference, `must be a list such as [${sshAgent}]`),
    v.maxLength(hostSocketsMax, `must have at most ${hostSocketsMax} entries`),
    v.readonly(),
  );
};

/** One, as people write it. */
export const provisionExample = "{ run: apt-get update, when: once }";

/** A command that root runs in the guest. */
export const provisionSchema = () =>
  v.strictObject(
    {
      run: text(),
      when: v.optional(oneOf(["boot", "once"])(), "boot"),
    },
    `must be a mapping such as ${provisionExample}`,
  );

/** Keys of Docker's daemon.json that qn's own parts depend on: sockets, plugins, ports and the place of the data. */
const ownDaemonKeys = ["hosts", "authorization-plugins", "userland-proxy", "data-root"];

/** A key of daemon.json that is not one of those. */
export const daemonKey = () =>
  v.pipe(
    v.string(),
    v.check((key) => !ownDaemonKeys.includes(key), "is qn's own and cannot be set"),
  );

/** Options that would open a second way to control QEMU, or take it out of the supervisor's hands. */
const controlOptions =
  /^--?(monitor|mon|qmp|qmp-pretty|gdb|s|S|daemonize|incoming|readconfig|preconfig|pidfile)$|^mon:/;

/** A word behind QEMU's command line. */
export const qemuWord = () =>
  v.pipe(
    text(),
    v.check((word) => !controlOptions.test(word), "is refused: only the supervisor controls QEMU"),
  );

/** Properties of the machine that qn itself sets. */
const ownMachineProperties = ["type", "accel", "pflash0", "pflash1"];

/** Another one of its properties. */
export const machineProperty = () =>
  v.pipe(
    v.string(),
    v.check((name) => !ownMachineProperties.includes(name), "is qn's own and cannot be set"),
  );

/** What such a property is set to, as QEMU writes it: `true` in YAML is `on`. */
export const machineValue = () =>
  v.pipe(
    v.union([v.string(), v.number(), v.boolean()], "must be text, a number, true or false"),
    v.transform((value) => (typeof value === "boolean" ? (value ? "on" : "off") : `${value}`)),
  );

/** A folder with a flake in it, and the name of one of its nixosConfigurations. */
export const flakeReference = () =>
  v.pipe(
    v.string("must be text"),
    v.regex(/^(none|\/[^#]*#[A-Za-z0-9_-]+)$/, "must be none, or a flake and a system such as /home/ann/machines#web"),
  );

/** Where images are fetched from. */
export const imageSource = () =>
  v.pipe(
    v.string("must be text"),
    v.check(
      (text) => imageSourceOf(text) !== undefined,
      "must be release, none, a folder, or an https:// or file: address without user and query",
    ),
  );

/** Whose images are taken. */
export const imageKey = () => v.union([v.literal("release"), absolutePath()], "must be release or an absolute path");

/** Whose certificates dockerd believes. */
export const caCertificatesReference = () =>
  v.union([v.picklist(["none", "host"]), absolutePath()], "must be none, host or an absolute path");

/** Names of network interfaces on Linux (IFNAMSIZ leaves 15 letters). */
export const tapName = () =>
  v.pipe(
    v.string("must be text"),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, "must be the name of a network interface, or none"),
  );

/** The second bit of the first byte says that it is nobody's factory address; the first would make it a group's. */
export const macAddress = () =>
  v.pipe(
    v.string("must be text"),
    v.regex(/^(auto|[0-9a-f][26ae](:[0-9a-f]{2}){5})$/, "must be auto, or an address such as 02:00:00:00:00:01"),
  );
