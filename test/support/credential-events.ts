/** Listens to a credential, and waits for what it says. */
import { expect, vi } from "vitest";
import type { CredentialEvents } from "../../src/credentials/credential.ts";

export class HeardCredential implements CredentialEvents {
  renewals = 0;
  readonly failures: string[] = [];

  renewed(): void {
    this.renewals++;
  }

  failed(why: string): void {
    this.failures.push(why);
  }

  untilRenewed(times: number): Promise<void> {
    return until(() => expect(this.renewals).toBeGreaterThanOrEqual(times));
  }

  untilFailed(times: number): Promise<void> {
    return until(() => expect(this.failures.length).toBeGreaterThanOrEqual(times));
  }
}

function until(condition: () => void): Promise<void> {
  return vi.waitFor(condition, { timeout: 9_000, interval: 5 });
}
