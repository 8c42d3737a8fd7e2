/** IP addresses as they may be written, and as they are written here: in one form only. */

/**
 * The address in its one form: four decimal numbers, or RFC 5952; an IPv4 address within IPv6 (::ffff:1.2.3.4) is the
 * IPv4 one. Nothing for all else: names, other ways of writing numbers (0x7f.1, 127.1, 0), zones (%eth0), an asterisk.
 */
export function canonicalIp(text: string): string | undefined {
  if (v4.test(text)) return text;
  if (text.length > addressLettersMax || !text.includes(":") || !v6Letters.test(text)) return undefined;
  const url = `http://[${text}]`;
  if (!URL.canParse(url)) return undefined;
  const address = new URL(url).hostname.slice(1, -1);
  const [, high = "", low = ""] = mapped.exec(address) ?? [];
  return low === "" ? address : [...octets(high), ...octets(low)].join(".");
}

/** 127.0.0.0/8 (RFC 1122) and ::1 (RFC 4291); no system takes such senders from a network. */
export function isLoopback(address: string): boolean {
  return address === "::1" || (v4.test(address) && address.startsWith("127."));
}

// --- internal ---

const number = String.raw`(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])`;
const v4 = new RegExp(String.raw`^${number}(?:\.${number}){3}$`);
const v6Letters = /^[0-9a-f:.]+$/i;

/** The longest that an address can be (INET6_ADDRSTRLEN without its NUL). */
const addressLettersMax = 45;

/** As the parser of addresses writes what is mapped: the last two groups. */
const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

function octets(group: string): readonly number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 255];
}
