/** Upper bounds of the buckets of the Go picker's histograms, as dashboards made for them expect. */

const doubled = (first: number, last: number): number[] => {
  const bounds: number[] = [];
  for (let bound = first; bound <= last; bound *= 2) bounds.push(bound);
  return bounds;
};

/** The one that is no power of two is a slip there, and part of the contract since. */
const ODD_BOUND = 32_778;
const withOdd = (bounds: readonly number[]) => bounds.map((bound) => (bound === 32_768 ? ODD_BOUND : bound));

export const goBounds = {
  /** Of whole requests: 5 ms to an hour. */
  latency: [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180, 240,
    300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
  ],
  ttft: [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120],
  tpot: [0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2],
  itl: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2],
  ntpot: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  requestBytes: doubled(64, 1024 ** 3),
  responseBytes: withOdd([1, ...doubled(8, 65_536)]),
  promptTokens: withOdd([1, ...doubled(8, 1_048_576)]),
  outputTokens: [1, ...doubled(8, 8192)],
  scheduler: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
  requestProcessing: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  responseProcessing: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  stream: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600],
  hitRatio: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
  hitBytes: [0, ...doubled(16, 65_536)],
} as const;
