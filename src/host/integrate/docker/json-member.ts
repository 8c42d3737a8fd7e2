/** Changes one member of a JSON object in its text, and leaves every other byte of it as it is. */

/** A member of the outermost object; the numbers are offsets into the text. */
type Member = { readonly name: string; readonly start: number; readonly valueStart: number; readonly end: number };

/**
 * The value of the member `name`, as Go's encoding/json would find it (upper and lower case are one), or nothing. A
 * blank text is an empty object, as it is for the docker command. Throws an Error when the text is no JSON object, or
 * has the member twice.
 */
export function memberOf(text: string, name: string): unknown {
  const { found } = lookUp(text, name);
  return found === undefined ? undefined : JSON.parse(text.slice(found.valueStart, found.end));
}

/** The text with the member `name` being `value`; one that is new stands first. Throws as `memberOf` does. */
export function withMember(text: string, name: string, value: unknown): string {
  if (text.trim() === "") return `${JSON.stringify({ [name]: value })}\n`;
  const { members, found } = lookUp(text, name);
  const written = JSON.stringify(value);
  if (found !== undefined) return text.slice(0, found.valueStart) + written + text.slice(found.end);
  const open = text.indexOf("{") + 1;
  const first = members[0];
  const space = first === undefined ? "" : `,${text.slice(open, first.start)}`;
  const at = first?.start ?? open;
  return `${text.slice(0, at)}${JSON.stringify(name)}: ${written}${space}${text.slice(at)}`;
}

/**
 * The text without the member `name`: what `withMember` put in first is taken out to the byte. Throws as `memberOf`
 * does.
 */
export function withoutMember(text: string, name: string): string {
  const { members, found } = lookUp(text, name);
  if (found === undefined) return text;
  const index = members.indexOf(found);
  const next = members[index + 1];
  const before = members[index - 1];
  if (next !== undefined) return text.slice(0, found.start) + text.slice(next.start);
  return text.slice(0, before?.end ?? found.start) + text.slice(found.end);
}

// --- internal ---

/** The words of JSON (RFC 8259) in a text that is known to be right. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

function lookUp(text: string, name: string): { members: readonly Member[]; found: Member | undefined } {
  if (text.trim() === "") return { members: [], found: undefined };
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("It is no JSON object");
  const members = membersOf(text);
  const same = members.filter((member) => member.name.toLowerCase() === name.toLowerCase());
  if (same.length > 1) throw new Error(`It has "${name}" twice`);
  return { members, found: same[0] };
}

function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let open: { name: string; start: number; valueStart: number } | undefined;
  let depth = 0;
  let end = 0;
  for (const { 0: word, index } of text.matchAll(tokens)) {
    const closes = word === "}" || word === "]";
    if (closes) depth -= 1;
    if ((word === "," && depth === 1) || (closes && depth === 0)) {
      if (open !== undefined) members.push({ ...open, end });
      open = undefined;
    } else if (depth === 1 && open === undefined && word.startsWith('"')) {
      open = { name: String(JSON.parse(word)), start: index, valueStart: -1 };
    } else if (open !== undefined && open.valueStart < 0 && word !== ":") {
      open.valueStart = index;
    }
    if (word === "{" || word === "[") depth += 1;
    end = index + word.length;
  }
  return members;
}
