/** The names of the system's errors. */

/** True for a system error of that name (errno(3)). */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
