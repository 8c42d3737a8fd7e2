/**
 * The door to downloads: the bytes of an HTTP answer as they come. Proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and more
 * certificate authorities (NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, SSL_CERT_DIR) are those of the environment: the runtime
 * reads them by itself (docs/decisions.md#d118 has what was tried).
 */
import { ofetch } from "ofetch";
import { after } from "./clock.ts";

/** An answer: its status and headers are there, its body comes. */
export type Answer = Disposable & {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /**
   * The body, piece by piece, once. Throws when the connection breaks off before its end, or is silent for too long.
   */
  body(): AsyncIterable<Uint8Array>;
};

/** What is asked with. `silenceMs` is how long nothing may come before it is given up; `signal` ends it, too. */
export type Asking = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly silenceMs: number;
  readonly signal: AbortSignal;
};

/**
 * Asks for an address (GET), and gives back whatever answer there is, also one that sends on elsewhere: nobody is
 * followed. Bytes come as they were sent. To be disposed of; throws when there is no answer.
 */
export async function askFor(url: string, { headers = {}, silenceMs, signal }: Asking): Promise<Answer> {
  const silence = silenceOf(silenceMs);
  try {
    const response = await ofetch.raw<unknown, "stream">(url, {
      ...asSent,
      headers: { ...headers, "accept-encoding": "identity" },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      async *body() {
        for await (const chunk of response.body ?? []) {
          silence.pause();
          yield chunk;
          silence.begin();
        }
      },
      [Symbol.dispose]: () => silence.end(),
    };
  } catch (error) {
    silence.end();
    throw error;
  }
}

// --- internal ---

/** `decompress` is Bun's: what a server has compressed unasked stays as it is. */
const asSent = {
  responseType: "stream",
  redirect: "manual",
  retry: false,
  ignoreResponseError: true,
  decompress: false,
} as const;

/** Fires once nothing was heard for so long, while somebody waits; ending it ends the connection, too. */
function silenceOf(silenceMs: number) {
  const controller = new AbortController();
  const expire = () => after(silenceMs, () => controller.abort(new Error(`nothing came for ${silenceMs / 1000} s`)));
  let timer = expire();
  return {
    signal: controller.signal,
    pause: () => timer.cancel(),
    begin(): void {
      timer.cancel();
      timer = expire();
    },
    end(): void {
      timer.cancel();
      controller.abort(new Error("is not wanted any more"));
    },
  };
}
