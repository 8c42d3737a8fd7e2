/** What needs an administrator's rights, done again by sudo where the user has allowed it. */
import { QnError } from "../../base/errors.ts";

/**
 * Does it, or lets sudo do it when the user has asked for that and the right is missing. Throws what `action` throws.
 */
export async function withSudo(
  mayAsk: boolean,
  sudo: readonly string[],
  action: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await action();
  } catch (error) {
    if (!mayAsk || !(error instanceof QnError) || error.code !== "NOT_PERMITTED") throw error;
    const { exited } = Bun.spawn([...sudo], { stdio: ["inherit", "inherit", "inherit"] });
    if ((await exited) !== 0) throw error;
    return true;
  }
}
