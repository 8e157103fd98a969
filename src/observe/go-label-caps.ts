/** How many series clients can make under the Go picker's names by what they write. */

/**
 * Their combinations are counted, not the values of each label alone: a request that is streamed has some 250 lines of
 * the page for each combination, and as many again under the older names. What pods serve, and what the configuration
 * names, is told whatever clients write.
 */
export const labelCaps = {
  /** Names of models that neither pods nor configuration know. */
  models: 100,
  tenants: 100,
  /** Combinations of model, target, tenant and priority that clients choose. */
  cells: 200,
  /** Pairs of model and tenant of refused requests that clients choose. */
  refusals: 500,
  /** Pairs of a pod and a model that is not known: pods may be many. */
  attempts: 500,
} as const;
