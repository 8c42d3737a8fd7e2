/** What went wrong, in a form that a test can compare as a whole. */
import { QnError } from "../../src/base/errors.ts";

/** A failure's code and words; `details` only when it has some. */
export type Failure = { readonly code: string; readonly message: string; readonly details?: readonly string[] };

/** The failure that `action` ends with. Throws when there is none, or when it has no code of the catalogue. */
export async function failureOf(action: () => unknown): Promise<Failure> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof QnError)) throw error;
    const { code, message, details } = error;
    return details.length === 0 ? { code, message } : { code, message, details };
  }
  throw new Error("nothing failed");
}
