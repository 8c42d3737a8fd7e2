/** Failures of what fetches images, as an upgrade has them, too. */
import { QnError } from "../../base/errors.ts";

/** The same failure, as one of an upgrade. */
export function asUpgrade(error: unknown): unknown {
  if (!(error instanceof QnError)) return error;
  if (error.code === "INTERRUPTED") {
    return new QnError("INTERRUPTED", "The upgrade was called off.", { cause: error, hint: "This qn is as it was." });
  }
  const code = codes[error.code];
  return code === undefined ? error : new QnError(code, error.message, { cause: error, details: error.details });
}

// --- internal ---

const codes: Partial<Record<QnError["code"], QnError["code"]>> = {
  IMAGE_PULL_FAILED: "UPGRADE_FAILED",
  IMAGE_UNTRUSTED: "UPGRADE_UNTRUSTED",
};
