/**
 * How a download goes on where it was: what to ask for, and what the answer is worth (RFC 9110, sections 13.1.5 and
 * 14). Whatever comes is compared with hashes that were signed; here it is only about not asking for it in vain.
 */

/**
 * What is remembered of a download that is not whole: where it came from, and that server's word for that very content.
 */
export type Origin = { readonly url: string; readonly validator: string };

/** The headers of an answer that count. */
export type AnswerHead = { readonly status: number; readonly header: (name: string) => string | undefined };

/** What to do with an answer: take it, from the first byte or from where it was asked for; or ask again, or give up. */
export type Verdict =
  | { readonly do: "take"; readonly from: "first" | "asked" }
  | { readonly do: "ask-whole" | "ask-later" | "give-up"; readonly why: string };

/**
 * The headers that ask for what is missing behind `haveBytes`. With If-Range the server sends all of it when its
 * content is another one by now; it has to be the same server's word.
 */
export function rangeHeaders(haveBytes: number, origin: Origin | undefined, url: string): Record<string, string> {
  if (haveBytes === 0) return {};
  const range = { range: `bytes=${haveBytes}-` };
  return origin?.url === url ? { ...range, "if-range": origin.validator } : range;
}

/** The server's word for its content, if it promises that equal words mean equal bytes (RFC 9110, section 8.8.1). */
export function strongValidator({ header }: AnswerHead): string | undefined {
  const etag = header("etag");
  return etag !== undefined && etag.length <= 500 && /^"[\u0021\u0023-\u007e]*"$/.test(etag) ? etag : undefined;
}

/** What an answer to `rangeHeaders` is worth. `totalBytes` is how long the whole is, by who has signed it. */
export function judge(answer: AnswerHead, haveBytes: number, totalBytes: number): Verdict {
  const { status, header } = answer;
  const encoding = header("content-encoding") ?? "identity";
  if (status === 200 || status === 206) {
    if (encoding !== "identity") return { do: "give-up", why: `sends it compressed in its own way (${encoding})` };
    if (status === 206) return judgePart(header("content-range"), haveBytes, totalBytes);
    const length = header("content-length");
    if (length === undefined || Number(length) === totalBytes) return { do: "take", from: "first" };
    return { do: "give-up", why: `has ${length} bytes of it, and should have ${totalBytes}` };
  }
  if (status === 416) return { do: "ask-whole", why: "has nothing behind what is there" };
  const why = `answers with status ${status}`;
  return status === 408 || status === 425 || status === 429 || status >= 500
    ? { do: "ask-later", why }
    : { do: "give-up", why };
}

// --- internal ---

function judgePart(range: string | undefined, haveBytes: number, totalBytes: number): Verdict {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? "") ?? [];
  const isAsked = Number(first) === haveBytes && Number(last) === totalBytes - 1 && Number(total) === totalBytes;
  if (isAsked && haveBytes > 0) return { do: "take", from: "asked" };
  return { do: "ask-whole", why: `sends another part than it was asked for (${range ?? "without a range"})` };
}
