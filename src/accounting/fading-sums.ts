/** Means of pairs, and how the two vary together, in which older pairs weigh less. */

/** Time constant of forgetting: after it a pair weighs 1/e. */
const MEMORY_MS = 20_000;

export class FadingSums {
  weight = 0;
  meanX = 0;
  meanY = 0;
  /** Weighted sums of (x - meanX)² and of (x - meanX)(y - meanY). */
  spreadX = 0;
  spreadXY = 0;
  latestAtMs = 0;

  /** In one pass and without large sums that cancel out. */
  add(x: number, y: number, nowMs: number): void {
    const kept = this.keptAt(nowMs);
    this.weight = this.weight * kept + 1;
    const [fromX, fromY] = [x - this.meanX, y - this.meanY];
    this.meanX += fromX / this.weight;
    this.meanY += fromY / this.weight;
    this.spreadX = this.spreadX * kept + fromX * (x - this.meanX);
    this.spreadXY = this.spreadXY * kept + fromX * (y - this.meanY);
    this.latestAtMs = nowMs;
  }

  /** What is left of the weights by then. */
  keptAt(nowMs: number): number {
    return Math.exp((this.latestAtMs - nowMs) / MEMORY_MS);
  }
}
